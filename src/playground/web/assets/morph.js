// Updates a DOM tree to match one from the server, and keeps what people did in it: focus, typed text, open details. An
// attribute changes only if the server's value changed.

/** The last attributes from the server, by element. */
const serverAttributes = new WeakMap();

const attributes = (element) => new Map([...element.attributes].map(({ name, value }) => [name, value]));

/** Records the attributes of a tree from the server. */
export function remember(root) {
  if (root.nodeType !== Node.ELEMENT_NODE) return root;
  serverAttributes.set(root, attributes(root));
  for (const element of root.querySelectorAll("*")) serverAttributes.set(element, attributes(element));
  return root;
}

/** Updates `from` to match `to`. */
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
  const [before, after] = [serverAttributes.get(from) ?? attributes(from), attributes(to)];
  serverAttributes.set(from, after);
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
  // People open and close details.
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
  const nextIds = new Set([...to.children].map((child) => child.id).filter(Boolean));
  const byId = new Map([...from.children].filter((child) => child.id).map((child) => [child.id, child]));
  let at = from.firstChild;
  for (const next of [...to.childNodes]) {
    const match = next.id ? byId.get(next.id) : undefined;
    if (match) {
      // Removing the obsolete nodes before it avoids moving kept nodes, which would lose their focus.
      while (at && at !== match && !(at.id && nextIds.has(at.id))) at = drop(at);
      if (at === match) at = at.nextSibling;
      else from.insertBefore(match, at);
      change(match, next);
    } else if (!next.id && at && !at.id && at.nodeName === next.nodeName) {
      const reused = at;
      at = at.nextSibling;
      change(reused, next);
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
