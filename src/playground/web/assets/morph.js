// Makes one tree like another that the server sent, and leaves alone what people did meanwhile: focus, typed text, open
// details. An attribute changes only where the server says something else than it said before.

/** What the server last said of an element. */
const said = new WeakMap();

const attributes = (element) => new Map([...element.attributes].map(({ name, value }) => [name, value]));

/** Remembers a tree as it came from the server. */
export function remember(root) {
  if (root.nodeType !== Node.ELEMENT_NODE) return root;
  said.set(root, attributes(root));
  for (const element of root.querySelectorAll("*")) said.set(element, attributes(element));
  return root;
}

/** Makes `from` like `to`. */
export function morph(from, to) {
  const focused = document.activeElement?.id;
  change(from, to);
  if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus();
}

function change(from, to) {
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  const [before, after] = [said.get(from) ?? attributes(from), attributes(to)];
  said.set(from, after);
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => before.get(name) !== after.get(name),
  );
  for (const name of changed) set(from, name, after.get(name));
  if (from.nodeName === "TIME" && from.dataset.format && changed.length === 0) return;
  if (from.dataset.keep !== undefined) return;
  if (from.nodeName === "TEXTAREA") {
    if (from.defaultValue !== to.defaultValue) {
      from.defaultValue = to.defaultValue;
      if (from !== document.activeElement) from.value = to.defaultValue;
    }
    return;
  }
  changeChildren(from, to);
}

function set(element, name, value) {
  // Whether it is open is for people to say.
  if (element.nodeName === "DETAILS" && name === "open") return;
  if (value === undefined) element.removeAttribute(name);
  else element.setAttribute(name, value);
  if (name === "value" && element.nodeName === "INPUT" && element !== document.activeElement) {
    element.value = value ?? "";
  }
  if (name === "checked") element.checked = value !== undefined;
  if (name === "selected") element.selected = value !== undefined;
}

function changeChildren(from, to) {
  const wanted = new Set([...to.children].map((child) => child.id).filter(Boolean));
  const named = new Map([...from.children].filter((child) => child.id).map((child) => [child.id, child]));
  let at = from.firstChild;
  for (const next of [...to.childNodes]) {
    const match = next.id ? named.get(next.id) : undefined;
    if (match) {
      // What stands before it and is not wanted goes, so that nothing that is kept has to move and lose its focus.
      while (at && at !== match && !(at.id && wanted.has(at.id))) at = drop(at);
      if (at === match) at = at.nextSibling;
      else from.insertBefore(match, at);
      change(match, next);
    } else if (!next.id && at && !at.id && at.nodeName === next.nodeName) {
      const same = at;
      at = at.nextSibling;
      change(same, next);
    } else {
      from.insertBefore(remember(next), at);
    }
  }
  while (at) at = drop(at);
}

function drop(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}
