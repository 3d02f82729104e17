// Disruptions, the log, the story, and the reconciliation cycle.

import { clock, day, h, morph, plural } from "./dom.js";

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
const ALWAYS = new Set(["disruption", "story", "time"]);
const OTHER_TITLES = { disruption: "Disruption", story: "Story", time: "Time" };
/** The kinds of entries that lead to a decision. */
const STEPS = new Set(["read", "write", "refusal"]);
const MAX_STEPS = 60;
const MAX_SHOWN = 300;
const MAX_OF_KIND = 1500;

const chosen = new Map(Object.entries(KINDS).map(([kind, [, on]]) => [kind, on]));
const counts = new Map();
let entries = [];
let dropped = new Set();

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
    one.on ? h("p", { class: "recovery", key: "recovery" }, one.recovery) : null,
    h("button", {
      type: "button",
      class: "show",
      "data-do": "show-disruption",
      "data-disruption": one.id,
      "data-side": one.shown_by,
      "data-on": one.on ? "on" : "off",
      "aria-label": `Switch on and show me: ${one.title}`,
    }, "Switch on and show me"));
}

/** A message of the integration, with the buttons of its card. */
export function message(one) {
  const [first, ...rest] = one.text;
  const press = (title, button) => h("button", {
    type: "button",
    "data-do": "answer",
    "data-person": one.person,
    "data-message": one.id,
    "data-button": button,
    "aria-label": `${title}, as ${one.name}`,
  }, title);
  return h("li", { key: one.id },
    h("p", { class: "about" }, `To ${one.name} · ${clock(one.at)}`),
    h("p", {}, h("strong", {}, first)),
    rest.map((line) => h("p", {}, line)),
    one.buttons.length ? h("p", { class: "actions", key: "actions" }, one.buttons.map(press)) : null);
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
  entries = trimmed(entries.concat(fresh));
  const important = fresh.filter((entry) => ["decision", "warning", "disruption", "story"].includes(entry.kind));
  return important.slice(-3).map((entry) => entry.text).join(" ");
}

/** The newest entries: reads are many, and must not push out a decision. */
function trimmed(all) {
  const left = { steps: MAX_OF_KIND, other: MAX_OF_KIND };
  const kept = [];
  for (const entry of all.toReversed()) {
    const isRead = entry.kind === "read" || entry.kind === "cycle";
    if (left[isRead ? "steps" : "other"]-- > 0) kept.push(entry);
    else dropped.add(entry.kind);
  }
  return kept.reverse();
}

/** Remembers the kinds of which the sandbox dropped older entries. */
export function drop(kinds) {
  for (const kind of kinds) dropped.add(kind);
}

export function clear() {
  entries = [];
  counts.clear();
  dropped = new Set();
}

/** Shows the chosen entries, newest first; similar entries become one. */
export function list(element, empty) {
  const shown = [];
  const isChosen = (kind) => ALWAYS.has(kind) || chosen.get(kind);
  for (const [at, entry] of entries.entries()) {
    if (!isChosen(entry.kind)) continue;
    const last = shown.at(-1);
    if (entry.kind === "decision" && isOfSameSync(last?.entry, entry)) {
      last.texts.push(entry);
      continue;
    }
    const isAlike = last && ["kind", "text", "status"].every((key) => last.entry[key] === entry[key]);
    const isSoon = last && Date.parse(entry.at) - Date.parse(last.at) < 2000;
    if (isAlike && last.about.has(entry.about) && (isSoon || last.about.size === 1)) {
      last.times += 1;
      last.at = entry.at;
    } else if (isAlike && isSoon && entry.kind === "message") {
      last.about.add(entry.about);
    } else {
      const steps = entry.kind === "decision" ? stepsBefore(at) : [];
      shown.push({ entry, at: entry.at, times: 1, about: new Set([entry.about]), texts: [entry], steps });
    }
  }
  const isCut = shown.length > MAX_SHOWN || [...dropped].some(isChosen);
  const items = shown.slice(-MAX_SHOWN).reverse();
  const newest = items[0] && day(items[0].at);
  morph(element, h("ol", {}, items.map((one) => item(one, newest))));
  empty.hidden = shown.length > 0 && !isCut;
  empty.textContent = isCut ? "Older entries were dropped." : "Nothing has happened yet.";
}

const isOfSameSync = (one, other) =>
  one?.kind === "decision" && one.about === other.about && one.at === other.at;

/** What led to the decision at this place: its trigger, and the calls since. */
function stepsBefore(place) {
  const { about } = entries[place];
  const steps = [];
  for (let at = place - 1; at >= Math.max(0, place - MAX_STEPS); at--) {
    const entry = entries[at];
    if (STEPS.has(entry.kind)) steps.unshift(entry);
    if (entry.kind === "message" && entry.about === about) return [entry, ...steps];
  }
  return [];
}

function item({ entry, at, times, about, texts, steps }, newest) {
  const date = day(at) === newest ? null : h("span", { class: "day" }, day(at));
  return h("li", { key: entry.n, "data-kind": entry.kind, "data-side": entry.side },
    h("time", {}, clock(at), date), h("div", {}, content(entry, times, [...about], texts, steps)));
}

/** `Webhook from Webex → 3 reads → 1 write`, and each of them on demand. */
function chain([trigger, ...steps]) {
  const count = (kind, word) => {
    const found = steps.filter((one) => one.kind === kind).length;
    return found ? plural(found, word) : null;
  };
  const parts = [trigger.text, count("read", "read"), count("refusal", "refusal"), count("write", "write")];
  return h("details", { class: "chain", key: "chain" },
    h("summary", {}, parts.filter(Boolean).join(" → ")),
    h("ol", {}, steps.map((one) => h("li", { key: one.n, "data-kind": one.kind }, content(one, 1, [])))));
}

function content(entry, times, subjects, texts = [entry], steps = []) {
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
  const title = KINDS[entry.kind]?.[2] ?? OTHER_TITLES[entry.kind];
  return [
    h("p", { class: "about", key: "about" }, `${title}${about}`),
    ...texts.map((one) => h("p", { class: "text", key: `text ${one.n}` }, one.text, repeated)),
    steps.length ? chain(steps) : null,
  ];
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
