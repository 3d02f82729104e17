// Building elements, and changing those that stand to look like newly built ones, so that focus, scrolling and what is being typed stay.

/** An element with attributes (a property `key` tells siblings apart) and children; `null`, `false` and `undefined` leave something out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "key") element.dataset.key = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.dataset.key : undefined);

/** What the person did to an element, and not the page, is left alone. */
const OWN = new Set(["open"]);

/** Makes the children of `old` look like those of `fresh`. */
export function morph(old, fresh) {
  const known = new Map([...old.childNodes].filter((node) => keyOf(node)).map((node) => [keyOf(node), node]));
  let at = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const key = keyOf(wanted);
    let match = key ? known.get(key) : at;
    if (match && !key && keyOf(match)) match = null;
    if (match && match.nodeName === wanted.nodeName) {
      if (match !== at) old.insertBefore(match, at);
      else at = at.nextSibling;
      adapt(match, wanted);
    } else {
      old.insertBefore(wanted, at);
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
  // A list that stands open must not be changed below the pointer.
  if (old.nodeName === "SELECT" && old === document.activeElement) return;
  morph(old, fresh);
}

/** Time of day in UTC, as the services say it. */
export const clock = (moment) => moment.slice(11, 19);
