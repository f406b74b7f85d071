// The page's hands: forms are sent without leaving the page, and each part that the server sends again takes its place.
// Without this script every form and link works by itself.

import { bringCombosToLife } from "./combo.js";
import { writeDates } from "./dates.js";
import { morph, remember } from "./morph.js";

const TYPING_PAUSE = 400;
const $ = (id) => document.getElementById(id);
const now = () => Date.now() + Number($("clock").dataset.ahead);
let live;
let keeping;
let opener;
let hasSubmitted = false;

// First, since Escape in an open list is not for the form around it.
bringCombosToLife();

// ---- What the server sends ----

function listen() {
  live?.close();
  live = new EventSource(`/live${location.search}`);
  live.addEventListener("message", ({ data }) => show(JSON.parse(data)));
  live.addEventListener("open", () => document.body.removeAttribute("data-lost"));
  live.addEventListener("error", () => document.body.setAttribute("data-lost", ""));
}

function show(parts) {
  const log = $("log");
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
  const modal = openModal()?.dataset.modal;
  for (const [id, text] of Object.entries(parts)) {
    const part = new DOMParser().parseFromString(text, "text/html").body.firstElementChild;
    morph($(id), document.adoptNode(part));
  }
  writeDates(document, new Date(now()));
  if (isAtEnd) log.scrollTop = log.scrollHeight;
  if (openModal()?.dataset.modal !== modal) modalChanged();
  else if (hasSubmitted && parts.modal) showErrors();
  follow();
}

const openModal = () => document.querySelector("form[data-modal]");

function modalChanged() {
  hasSubmitted = false;
  const modal = openModal();
  if (!modal) {
    ($(opener) ?? $("composer-text")).focus();
    opener = undefined;
    return;
  }
  const field = modal.querySelector("[data-focus], .field input:not([type=hidden]), .field textarea, .field select");
  (field ?? modal.parentElement).focus();
}

function showErrors() {
  const wrong = openModal()?.querySelector("[aria-invalid]");
  if (wrong) {
    hasSubmitted = false;
    wrong.focus();
  }
}

// Whoever came with a place of their own is not sent where the scenario was before.
let followed = location.search ? $("scenario").dataset.follow : undefined;
function follow() {
  const link = $("scenario").dataset.follow;
  if (link && link !== followed) go(link, true);
  followed = link;
}

// ---- Where people look ----

function go(link, replaces = false) {
  history[replaces ? "replaceState" : "pushState"](null, "", link);
  $("log").scrollTop = $("log").scrollHeight;
  listen();
}

addEventListener("popstate", listen);

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-go]");
  if (link && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
    event.preventDefault();
    go(link.getAttribute("href"));
  }
});

// ---- What people do ----

async function post(path, form) {
  const headers = { Accept: "application/json" };
  const body = new URLSearchParams(form);
  const answer = await fetch(path, { method: "POST", body, headers }).catch(() => null);
  if (!answer) document.body.setAttribute("data-lost", "");
}

/** Asks what the button's own dialog asks. */
function confirmed(button) {
  const dialog = $(button?.dataset.confirms);
  if (!dialog) return true;
  return new Promise((resolve) => {
    const answer = ({ target }) => {
      if (target.dataset?.answer) dialog.close(target.dataset.answer);
    };
    dialog.addEventListener("click", answer);
    dialog.addEventListener(
      "close",
      () => {
        dialog.removeEventListener("click", answer);
        resolve(dialog.returnValue === "yes");
      },
      { once: true },
    );
    dialog.returnValue = "";
    dialog.showModal();
  });
}

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const [form, button] = [event.target, event.submitter];
  if (form.hasAttribute("aria-busy") || !(await confirmed(button))) return;
  const data = new FormData(form, button);
  clearTimeout(keeping);
  hasSubmitted = data.get("do") === "submit";
  // Enter in a text presses a button that was never in anybody's hands.
  if (form.matches("#composer, .press")) {
    opener = form.contains(document.activeElement) ? document.activeElement.id : button?.id;
  }
  form.setAttribute("aria-busy", "true");
  button?.setAttribute("aria-busy", "true");
  if (form.hasAttribute("data-clears")) $("composer-text").value = "";
  await post(form.getAttribute("action"), data);
  form.removeAttribute("aria-busy");
  button?.removeAttribute("aria-busy");
});

/** What a modal's fields hold is kept, and told to the bot where it asked to hear of it. */
function keep(form, what) {
  clearTimeout(keeping);
  const data = new FormData(form);
  data.set("do", what);
  post("/act/modal", data);
}

document.addEventListener("change", ({ target }) => {
  const modal = target.closest?.("form[data-modal]");
  if (modal) keep(modal, target.closest("[data-change]")?.dataset.change ?? "keep");
});

document.addEventListener("input", ({ target }) => {
  const modal = target.closest?.("form[data-modal]");
  if (!modal || target.matches("[role=combobox], select")) return;
  clearTimeout(keeping);
  keeping = setTimeout(() => keep(modal, "keep"), TYPING_PAUSE);
});

document.addEventListener("keydown", (event) => {
  const modal = openModal();
  if (event.key === "Escape" && modal?.contains(event.target) && !event.target.closest("dialog")) {
    event.preventDefault();
    modal.querySelector("button[value=close]").click();
  }
});

document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("[data-copies]");
  if (!link) return;
  event.preventDefault();
  const text = await (await fetch(link.href)).text();
  const isCopied = await navigator.clipboard?.writeText(text).then(
    () => true,
    () => false,
  );
  if (isCopied) $("copied").textContent = "Copied.";
  else location.assign(link.href);
});

// What a line of the traffic holds is fetched when it is opened.
document.addEventListener(
  "toggle",
  async ({ target }) => {
    const place = target.dataset?.src && target.open ? target.querySelector("pre") : null;
    if (place) place.textContent = await (await fetch(target.dataset.src)).text();
  },
  true,
);

// ---- The theme, and the time there ----

function themed() {
  const chosen = document.documentElement.dataset.theme;
  const isDark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  $("theme").textContent = isDark ? "Light theme" : "Dark theme";
  return isDark;
}

function tick() {
  const format = { dateStyle: "medium", timeStyle: "medium" };
  document.querySelector("#clock time").textContent = new Intl.DateTimeFormat("en", format).format(now());
}

remember(document.body);
$("theme").hidden = false;
$("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = themed() ? "light" : "dark";
  try {
    localStorage.setItem("theme", document.documentElement.dataset.theme);
  } catch {
    // It holds until the page is left.
  }
  themed();
});
themed();
tick();
setInterval(tick, 1000);
writeDates(document, new Date(now()));
$("log").scrollTop = $("log").scrollHeight;
if (openModal()) modalChanged();
listen();
follow();
