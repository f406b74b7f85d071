// Sends forms without leaving the page, and replaces each part that the server sends again. Without this script every
// form and link still works.

import { initComboboxes } from "./combo.js";
import { writeDates } from "./dates.js";
import { morph, remember } from "./morph.js";

const TYPING_PAUSE = 400;
const $ = (id) => document.getElementById(id);
const now = () => Date.now() + Number($("clock").dataset.ahead);
let live;
let keeping;
let opener;
let hasSubmitted = false;

// First, so that Escape closes an open list and not the form.
initComboboxes();

// ---- Live updates ----

function connect() {
  live?.close();
  live = new EventSource(`/live${location.search}`);
  live.addEventListener("message", ({ data }) => show(JSON.parse(data)));
  live.addEventListener("open", () => document.body.removeAttribute("data-disconnected"));
  live.addEventListener("error", () => document.body.setAttribute("data-disconnected", ""));
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

// A page that was opened with its own query does not follow an earlier scenario step.
let followed = location.search ? $("scenario").dataset.follow : undefined;
function follow() {
  const link = $("scenario").dataset.follow;
  if (link && link !== followed) go(link, true);
  followed = link;
}

// ---- Navigation ----

function go(link, replaces = false) {
  history[replaces ? "replaceState" : "pushState"](null, "", link);
  $("log").scrollTop = $("log").scrollHeight;
  connect();
}

addEventListener("popstate", connect);

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-go]");
  if (link && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
    event.preventDefault();
    go(link.getAttribute("href"));
  }
});

// ---- Actions ----

async function post(path, form) {
  const headers = { Accept: "application/json" };
  const body = new URLSearchParams(form);
  const response = await fetch(path, { method: "POST", body, headers }).catch(() => null);
  if (!response) document.body.setAttribute("data-disconnected", "");
}

/** Shows the button's confirmation dialog, if it has one. */
function confirmed(button) {
  const dialog = $(button?.dataset.confirms);
  if (!dialog) return true;
  return new Promise((resolve) => {
    const onClick = ({ target }) => {
      if (target.dataset?.answer) dialog.close(target.dataset.answer);
    };
    dialog.addEventListener("click", onClick);
    dialog.addEventListener(
      "close",
      () => {
        dialog.removeEventListener("click", onClick);
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
  // Enter in a text field submits without the button having had the focus.
  if (form.matches("#composer, .message-button")) {
    opener = form.contains(document.activeElement) ? document.activeElement.id : button?.id;
  }
  form.setAttribute("aria-busy", "true");
  button?.setAttribute("aria-busy", "true");
  if (form.hasAttribute("data-clears")) $("composer-text").value = "";
  await post(form.getAttribute("action"), data);
  form.removeAttribute("aria-busy");
  button?.removeAttribute("aria-busy");
});

/** Sends the values of a modal's fields, with the action `action`. */
function keep(form, action) {
  clearTimeout(keeping);
  const data = new FormData(form);
  data.set("do", action);
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

// The details of a traffic entry are fetched when it is opened.
document.addEventListener(
  "toggle",
  async ({ target }) => {
    const details = target.dataset?.src && target.open ? target.querySelector("pre") : null;
    if (details) details.textContent = await (await fetch(target.dataset.src)).text();
  },
  true,
);

// ---- Theme and simulated time ----

function showTheme() {
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
  document.documentElement.dataset.theme = showTheme() ? "light" : "dark";
  try {
    localStorage.setItem("theme", document.documentElement.dataset.theme);
  } catch {
    // Without storage the choice lasts until the page is closed.
  }
  showTheme();
});
showTheme();
tick();
setInterval(tick, 1000);
writeDates(document, new Date(now()));
$("log").scrollTop = $("log").scrollHeight;
if (openModal()) modalChanged();
connect();
follow();
