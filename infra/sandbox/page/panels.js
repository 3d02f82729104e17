// Troubles, the list of what happened, the story, and the round.

import { clock, h, morph } from "./dom.js";

const KINDS = {
  decision: ["Decisions", true, "Decision"],
  act: ["People", true, "People"],
  caution: ["Cautions", true, "Caution"],
  message: ["Messages", true, "Message"],
  write: ["Writes", true, "Write"],
  refusal: ["Refusals", true, "Refusal"],
  read: ["Reads", false, "Read"],
  round: ["Rounds", false, "Round"],
};
const ALWAYS = new Set(["trouble", "story"]);
const SHOWN = 300;

const chosen = new Map(Object.entries(KINDS).map(([kind, [, on]]) => [kind, on]));
const counts = new Map();
let entries = [];

export function trouble(one) {
  const id = `trouble-${one.id}`;
  return h("li", { key: one.id, "data-on": one.on ? "on" : null },
    h("button", { type: "button", class: "switch", "data-do": "trouble", "data-trouble": one.id, "data-on": one.on ? "on" : "off",
      role: "switch", "aria-checked": one.on ? "true" : "false", "aria-describedby": id },
      h("span", { class: "track", "aria-hidden": "true" }), h("span", { class: "trouble-title" }, one.title)),
    h("p", { id }, one.what, h("span", { class: "reach" }, one.reach === "customer" ? " Strikes this customer." : "")),
    one.on ? h("p", { class: "survived", key: "survived" }, one.survived) : null);
}

/** A trouble that is on, where it is seen at once. */
export function chip(one) {
  return h("button", { type: "button", key: one.id, class: "chip", "data-do": "trouble", "data-trouble": one.id, "data-on": "on", title: one.survived },
    h("span", { class: "dot", "aria-hidden": "true" }), one.title, h("span", { class: "end" }, "End it"));
}

export function filters() {
  return h("div", {}, Object.entries(KINDS).map(([kind, [title]]) =>
    h("button", { type: "button", key: kind, "data-do": "filter", "data-kind": kind, "aria-pressed": chosen.get(kind) ? "true" : "false" },
      title, h("span", { class: "count" }, ` ${counts.get(kind) ?? 0}`))));
}

export function toggle(kind) {
  chosen.set(kind, !chosen.get(kind));
}

/** Takes new entries in; says what a person who cannot see the list should hear. */
export function hear(fresh) {
  for (const entry of fresh) counts.set(entry.kind, (counts.get(entry.kind) ?? 0) + 1);
  entries = entries.concat(fresh).slice(-1500);
  const spoken = fresh.filter((entry) => ["decision", "caution", "trouble", "story"].includes(entry.kind));
  return spoken.slice(-3).map((entry) => entry.text).join(" ");
}

export function forget() {
  entries = [];
  counts.clear();
}

export function list(element, empty) {
  const shown = [];
  for (const entry of entries) {
    if (!ALWAYS.has(entry.kind) && !chosen.get(entry.kind)) continue;
    const last = shown.at(-1);
    const alike = last && ["kind", "text", "status"].every((what) => last.entry[what] === entry[what]);
    const soon = last && Date.parse(entry.at) - Date.parse(last.at) < 2000;
    if (alike && last.about.has(entry.about) && (soon || last.about.size === 1)) {
      last.times += 1;
      last.at = entry.at;
    } else if (alike && soon && entry.kind === "message") last.about.add(entry.about);
    else shown.push({ entry, at: entry.at, times: 1, about: new Set([entry.about]) });
  }
  morph(element, h("ol", {}, shown.slice(-SHOWN).reverse().map(item)));
  empty.hidden = shown.length > 0;
}

function item({ entry, at, times, about }) {
  return h("li", { key: entry.n, "data-kind": entry.kind, "data-side": entry.side }, h("time", {}, clock(at)), h("div", {}, told(entry, times, [...about])));
}

function told(entry, times, things) {
  const often = times > 1 ? h("span", {}, ` × ${times}`) : null;
  const about = entry.about ? ` · ${entry.about}` : "";
  if (entry.status !== null) {
    const good = entry.status >= 200 && entry.status < 400;
    const status = h("span", { class: "status", "data-good": good ? "yes" : "no" }, entry.status === 0 ? "no answer" : String(entry.status));
    return h("p", { class: "aside" }, `${entry.about} `, h("code", {}, entry.text), " ", status, often);
  }
  if (entry.kind === "message" || entry.kind === "round") {
    return h("p", { class: "aside" }, `${entry.text}${entry.kind === "message" && entry.about ? ` → ${things.join(", ")}` : ""}`, often);
  }
  const title = KINDS[entry.kind]?.[2] ?? (entry.kind === "story" ? "Story" : "Trouble");
  return [h("p", { class: "about" }, `${title}${about}`), h("p", { class: "text" }, entry.text, often)];
}

export function round(state) {
  const { next, last } = state.round;
  const left = Math.max(0, Math.round((Date.parse(next) - Date.parse(state.now)) / 1000));
  if (!last) return `The first round in ${left} s.`;
  const late = last.troubles.length ? ["something could not be read: see Rounds"] : [];
  const found = [...last.parts.map((part) => `${part.count} ${part.what}`), ...late].join(", ");
  return `Last round ${clock(last.began)}: ${found}. The next in ${left} s.`;
}

export function story(told) {
  const by = (id) => document.getElementById(id);
  const [title, sentence] = told ? [`${told.scene}. ${told.title}`, told.sentence]
    : ["The story", "A team is made, people come and go on both sides, and everything that can go wrong does."];
  if (by("story-title").textContent !== title) {
    by("story-title").textContent = title;
    by("story-sentence").textContent = sentence;
  }
  by("story").classList.toggle("telling", Boolean(told));
  by("story-progress").hidden = by("story-next").hidden = by("story-stop").hidden = !told;
  by("story-tell").hidden = by("story-trouble").hidden = Boolean(told);
  if (told) {
    by("story-progress").max = told.of;
    by("story-progress").value = told.scene;
  }
}
