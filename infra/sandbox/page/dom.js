// Builds elements, and updates existing ones to match new ones: focus, scrolling and text being
// typed remain.

/**
 * An element with attributes and children. The attribute `key` identifies it among its siblings;
 * `null`, `false` and `undefined` are skipped.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "key") element.dataset.key = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  const isChild = (child) => child !== null && child !== undefined && child !== false;
  element.append(...children.flat().filter(isChild));
  return element;
}

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.dataset.key : undefined);

/** Attributes that the person changes, and the page keeps. */
const OWN = new Set(["open"]);

/** Updates the children of `old` to match those of `fresh`. */
export function morph(old, fresh) {
  const keyed = [...old.childNodes].filter((node) => keyOf(node));
  const known = new Map(keyed.map((node) => [keyOf(node), node]));
  let at = old.firstChild;
  for (const target of [...fresh.childNodes]) {
    const key = keyOf(target);
    let match = key ? known.get(key) : at;
    if (match && !key && keyOf(match)) match = null;
    if (match && match.nodeName === target.nodeName) {
      if (match !== at) old.insertBefore(match, at);
      else at = at.nextSibling;
      adapt(match, target);
    } else {
      old.insertBefore(target, at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function adapt(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  for (const { name, value } of [...fresh.attributes]) {
    if (!OWN.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (!OWN.has(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  // An open list must not change below the pointer.
  if (old.nodeName === "SELECT" && old === document.activeElement) return;
  morph(old, fresh);
}

/** The time of day in UTC. */
export const clock = (moment) => moment.slice(11, 19);
