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

const SVG = "http://www.w3.org/2000/svg";

/** A folder, for which most systems have no letter. */
export function folderIcon() {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  for (const [name, value] of [["class", "glyph"], ["viewBox", "0 0 16 16"], ["aria-hidden", "true"]]) {
    svg.setAttribute(name, value);
  }
  path.setAttribute("d", "M1.5 4a1 1 0 0 1 1-1h3.3l1.6 1.8h6.1a1 1 0 0 1 1 1V12a1 1 0 0 1-1 1h-11a1 1 0 0 1-1-1z");
  svg.append(path);
  return svg;
}

/** `1 team`, `2 teams`. */
export const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.dataset.key : undefined);

/** Attributes that the person changes, and the page keeps. */
const OWN = new Set(["open", "tabindex"]);

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

/** The buttons of a list that Tab reaches one by one, and arrow keys among themselves. */
const stops = (list) => [...list.querySelectorAll("button")];

/** Leaves one button of each list in the order of Tab. */
export function rove() {
  for (const list of document.querySelectorAll("[data-rove]")) {
    const buttons = stops(list);
    if (buttons.length && !buttons.some((button) => button.tabIndex === 0)) buttons[0].tabIndex = 0;
  }
}

/** Moves the focus within a list; returns `false` if the key moves nothing. */
export function moveFocus(key, button) {
  const list = button.closest("[data-rove]");
  const row = button.closest("li");
  if (!list || !row) return false;
  const within = stops(row);
  const at = within.indexOf(button);
  const beside = (sibling) => {
    const buttons = sibling ? stops(sibling) : [];
    return buttons[Math.min(at, buttons.length - 1)];
  };
  const target = {
    ArrowUp: () => beside(row.previousElementSibling),
    ArrowDown: () => beside(row.nextElementSibling),
    ArrowLeft: () => within[at - 1],
    ArrowRight: () => within[at + 1],
    Home: () => stops(list)[0],
    End: () => stops(list).at(-1),
  }[key]?.();
  if (!target) return false;
  for (const other of stops(list)) other.tabIndex = other === target ? 0 : -1;
  target.focus();
  return true;
}

/** The time of day in UTC. */
export const clock = (moment) => moment.slice(11, 19);

const DAY = new Intl.DateTimeFormat("en-GB",
  { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });

/** The day in UTC: `Mon 23 Nov`. */
export const day = (moment) => DAY.format(new Date(moment)).replace(",", "");
