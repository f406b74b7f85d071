// Comboboxes whose options the bot returns for the typed text, with mouse and keyboard support.

const SEARCH_DELAY = 150;
let timer;

const elements = (input) => {
  const box = input.closest("[data-combo]");
  return { box, list: box.querySelector("[role=listbox]"), value: box.querySelector("[data-value]") };
};

function close(input) {
  const { list } = elements(input);
  list.hidden = true;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

async function search(input) {
  const { box, list } = elements(input);
  const typed = input.value;
  if ([...typed].length < Number(box.dataset.minLength)) return close(input);
  const form = new URLSearchParams(new FormData(input.form));
  form.set("do", "options");
  form.set("element", box.dataset.combo);
  form.set("typed", typed);
  const headers = { Accept: "application/json" };
  const response = await fetch("/act/modal", { method: "POST", body: form, headers }).catch(() => null);
  const { options = [] } = (await response?.json().catch(() => null)) ?? {};
  if (document.activeElement !== input || input.value !== typed) return;
  list.replaceChildren(
    ...options.map((option, index) => {
      const item = document.createElement("li");
      item.id = `${list.id}-${index}`;
      item.setAttribute("role", "option");
      item.textContent = option.text.text;
      item.dataset.option = JSON.stringify(option);
      return item;
    }),
  );
  if (options.length === 0) {
    const none = document.createElement("li");
    none.setAttribute("role", "option");
    none.setAttribute("aria-disabled", "true");
    none.textContent = "No matches";
    list.append(none);
  }
  list.hidden = false;
  input.setAttribute("aria-expanded", "true");
  input.removeAttribute("aria-activedescendant");
  // The list of the form's last field would be below the visible area.
  list.scrollIntoView({ block: "nearest" });
}

function choose(input, item) {
  if (!item.dataset.option) return;
  const { value } = elements(input);
  value.value = item.dataset.option;
  input.value = item.textContent;
  close(input);
  value.dispatchEvent(new Event("change", { bubbles: true }));
}

function move(input, step) {
  const { list } = elements(input);
  const items = [...list.querySelectorAll("[data-option]")];
  if (items.length === 0) return;
  const current = items.findIndex((item) => item.id === input.getAttribute("aria-activedescendant"));
  const next = items[(current + step + items.length + (current < 0 && step < 0 ? 1 : 0)) % items.length];
  for (const item of items) item.setAttribute("aria-selected", String(item === next));
  input.setAttribute("aria-activedescendant", next.id);
  next.scrollIntoView({ block: "nearest" });
}

/** Handles the events of all comboboxes, including future ones. */
export function initComboboxes() {
  const isCombo = (target) => target.matches?.("[role=combobox]");
  const searchLater = (input) => {
    clearTimeout(timer);
    timer = setTimeout(() => search(input), SEARCH_DELAY);
  };
  document.addEventListener("focusin", ({ target }) => isCombo(target) && search(target));
  document.addEventListener("input", ({ target }) => isCombo(target) && searchLater(target));
  document.addEventListener("focusout", ({ target }) => {
    if (!isCombo(target)) return;
    const { value } = elements(target);
    close(target);
    const chosen = value.value ? JSON.parse(value.value).text.text : "";
    if (target.value === "" && chosen) {
      value.value = "";
      value.dispatchEvent(new Event("change", { bubbles: true }));
    } else {
      target.value = chosen;
    }
  });
  document.addEventListener("mousedown", (event) => {
    const item = event.target.closest?.("[data-combo] [role=option]");
    if (!item) return;
    event.preventDefault();
    choose(item.closest("[data-combo]").querySelector("[role=combobox]"), item);
  });
  document.addEventListener("keydown", (event) => {
    const input = event.target;
    if (!isCombo(input)) return;
    const { list } = elements(input);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) search(input);
      else move(input, event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && !list.hidden) {
      event.preventDefault();
      const item = document.getElementById(input.getAttribute("aria-activedescendant") ?? "");
      if (item) choose(input, item);
    } else if (event.key === "Escape" && !list.hidden) {
      event.stopImmediatePropagation();
      close(input);
    }
  });
}
