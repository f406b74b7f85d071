// Formats the times on the page in the reader's time zone, with Slack's date tokens.

const LOCALE = "en";
const part = (options) => (date) => new Intl.DateTimeFormat(LOCALE, options).format(date);
const pad = (number) => String(number).padStart(2, "0");

function ordinal(day) {
  const kind = new Intl.PluralRules(LOCALE, { type: "ordinal" }).select(day);
  return day + { one: "st", two: "nd", few: "rd", other: "th" }[kind];
}

const date = (d) => `${part({ month: "long" })(d)} ${ordinal(d.getDate())}, ${d.getFullYear()}`;
const short = part({ month: "short", day: "numeric", year: "numeric" });
const long = (d) => `${part({ weekday: "long" })(d)}, ${date(d)}`;

/** "yesterday", "today" or "tomorrow", or the date as `fallback` formats it. */
const pretty = (fallback) => (d, now) => {
  const days = Math.round((new Date(d).setHours(0, 0, 0, 0) - new Date(now).setHours(0, 0, 0, 0)) / 86_400_000);
  return { "-1": "yesterday", 0: "today", 1: "tomorrow" }[days] ?? fallback(d);
};

function ago(d, now) {
  const seconds = Math.round((d - now) / 1000);
  const [unit, size] = [["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]].find(
    ([, size]) => Math.abs(seconds) >= size || size === 1,
  );
  return new Intl.RelativeTimeFormat(LOCALE).format(Math.round(seconds / size), unit);
}

const TOKENS = {
  date_num: (d) => `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`,
  date,
  date_short: short,
  date_long: long,
  date_pretty: pretty(date),
  date_short_pretty: pretty(short),
  date_long_pretty: pretty(long),
  time: part({ hour: "numeric", minute: "2-digit" }),
  time_secs: part({ hour: "numeric", minute: "2-digit", second: "2-digit" }),
  ago,
};

/** Formats a time with Slack's date tokens. */
export function formatDate(format, when, now) {
  return format.replace(/\{(\w+)\}/g, (match, token) => TOKENS[token]?.(when, now) ?? match);
}

/** Formats every time under `root`. */
export function writeDates(root, now) {
  for (const time of root.querySelectorAll("time[data-format]")) {
    const when = new Date(time.dateTime);
    if (Number.isNaN(when.getTime())) continue;
    const text = formatDate(time.dataset.format, when, now);
    if (time.textContent !== text) {
      time.title = time.textContent;
      time.textContent = text;
    }
  }
}
