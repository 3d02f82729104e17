// Disruptions, the log, the story, and the reconciliation cycle.

import { clock, h, morph } from "./dom.js";

/** Each with the title of its filter, its initial state, and the title of an entry. */
const KINDS = {
  decision: ["Decisions", true, "Decision"],
  action: ["People", true, "People"],
  warning: ["Warnings", true, "Warning"],
  message: ["Messages", true, "Message"],
  write: ["Writes", true, "Write"],
  refusal: ["Refusals", true, "Refusal"],
  read: ["Reads", false, "Read"],
  cycle: ["Cycles", false, "Cycle"],
};
const ALWAYS = new Set(["disruption", "story"]);
const MAX_SHOWN = 300;
const MAX_ENTRIES = 1500;

const chosen = new Map(Object.entries(KINDS).map(([kind, [, on]]) => [kind, on]));
const counts = new Map();
let entries = [];

export function disruption(one) {
  const id = `disruption-${one.id}`;
  const attributes = {
    type: "button",
    class: "switch",
    "data-do": "disruption",
    "data-disruption": one.id,
    "data-on": one.on ? "on" : "off",
    role: "switch",
    "aria-checked": one.on ? "true" : "false",
    "aria-describedby": id,
  };
  const scope = one.scope === "customer" ? " Affects this customer only." : "";
  return h("li", { key: one.id, "data-on": one.on ? "on" : null },
    h("button", attributes,
      h("span", { class: "track", "aria-hidden": "true" }),
      h("span", { class: "disruption-title" }, one.title)),
    h("p", { id }, one.effect, h("span", { class: "scope" }, scope)),
    one.on ? h("p", { class: "recovery", key: "recovery" }, one.recovery) : null);
}

/** A disruption that is on, above the teams. */
export function chip(one) {
  const attributes = {
    type: "button",
    key: one.id,
    class: "chip",
    "data-do": "disruption",
    "data-disruption": one.id,
    "data-on": "on",
    title: one.recovery,
  };
  return h("button", attributes,
    h("span", { class: "dot", "aria-hidden": "true" }), one.title, h("span", { class: "end" }, "End it"));
}

export function filters() {
  const filter = ([kind, [title]]) => {
    const pressed = chosen.get(kind) ? "true" : "false";
    return h("button",
      { type: "button", key: kind, "data-do": "filter", "data-kind": kind, "aria-pressed": pressed },
      title, h("span", { class: "count" }, ` ${counts.get(kind) ?? 0}`));
  };
  return h("div", {}, Object.entries(KINDS).map(filter));
}

export function toggle(kind) {
  chosen.set(kind, !chosen.get(kind));
}

/** Adds new entries; returns a text for screen readers. */
export function add(fresh) {
  for (const entry of fresh) counts.set(entry.kind, (counts.get(entry.kind) ?? 0) + 1);
  entries = entries.concat(fresh).slice(-MAX_ENTRIES);
  const important = fresh.filter((entry) => ["decision", "warning", "disruption", "story"].includes(entry.kind));
  return important.slice(-3).map((entry) => entry.text).join(" ");
}

export function clear() {
  entries = [];
  counts.clear();
}

/** Shows the chosen entries, newest first; similar entries become one. */
export function list(element, empty) {
  const shown = [];
  for (const entry of entries) {
    if (!ALWAYS.has(entry.kind) && !chosen.get(entry.kind)) continue;
    const last = shown.at(-1);
    const isAlike = last && ["kind", "text", "status"].every((key) => last.entry[key] === entry[key]);
    const isSoon = last && Date.parse(entry.at) - Date.parse(last.at) < 2000;
    if (isAlike && last.about.has(entry.about) && (isSoon || last.about.size === 1)) {
      last.times += 1;
      last.at = entry.at;
    } else if (isAlike && isSoon && entry.kind === "message") {
      last.about.add(entry.about);
    } else {
      shown.push({ entry, at: entry.at, times: 1, about: new Set([entry.about]) });
    }
  }
  morph(element, h("ol", {}, shown.slice(-MAX_SHOWN).reverse().map(item)));
  empty.hidden = shown.length > 0;
}

function item({ entry, at, times, about }) {
  return h("li", { key: entry.n, "data-kind": entry.kind, "data-side": entry.side },
    h("time", {}, clock(at)), h("div", {}, content(entry, times, [...about])));
}

function content(entry, times, subjects) {
  const repeated = times > 1 ? h("span", {}, ` × ${times}`) : null;
  const about = entry.about ? ` · ${entry.about}` : "";
  if (entry.status !== null) {
    const good = entry.status >= 200 && entry.status < 400;
    const text = entry.status === 0 ? "no answer" : String(entry.status);
    const status = h("span", { class: "status", "data-good": good ? "yes" : "no" }, text);
    return h("p", { class: "aside" }, `${entry.about} `, h("code", {}, entry.text), " ", status, repeated);
  }
  if (entry.kind === "message" || entry.kind === "cycle") {
    const target = entry.kind === "message" && entry.about ? ` → ${subjects.join(", ")}` : "";
    return h("p", { class: "aside" }, `${entry.text}${target}`, repeated);
  }
  const title = KINDS[entry.kind]?.[2] ?? (entry.kind === "story" ? "Story" : "Disruption");
  return [h("p", { class: "about" }, `${title}${about}`), h("p", { class: "text" }, entry.text, repeated)];
}

/** The result of the last reconciliation cycle, and the seconds until the next. */
export function cycle(state) {
  const { next, last } = state.cycle;
  const left = Math.max(0, Math.round((Date.parse(next) - Date.parse(state.now)) / 1000));
  if (!last) return `First reconciliation cycle in ${left} s.`;
  const failed = last.failures.length ? ["something could not be read: see Cycles"] : [];
  const found = [...last.counts.map((one) => `${one.count} ${one.what}`), ...failed].join(", ");
  return `Last reconciliation cycle ${clock(last.began)}: ${found}. Next in ${left} s.`;
}

export function story(progress) {
  const by = (id) => document.getElementById(id);
  const [title, sentence] = progress ? [`${progress.scene}. ${progress.title}`, progress.sentence]
    : ["The story", "A team is created, people come and go on both sides, and everything goes wrong that can."];
  if (by("story-title").textContent !== title) {
    by("story-title").textContent = title;
    by("story-sentence").textContent = sentence;
  }
  const isRunning = Boolean(progress);
  by("story").classList.toggle("running", isRunning);
  by("story-progress").hidden = by("story-next").hidden = by("story-stop").hidden = !isRunning;
  by("story-start").hidden = by("story-disrupt").hidden = isRunning;
  if (progress) {
    by("story-progress").max = progress.of;
    by("story-progress").value = progress.scene;
  }
}
