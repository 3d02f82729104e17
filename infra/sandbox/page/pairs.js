// Teams and groups, and the links between them.

import { clock, h } from "./dom.js";

const STATES = {
  new: ["Found at the next round", "Nothing knows of the team yet. The round reads Webex’s events every minute."],
  asked: ["Asked", "The creator is asked whether the team should have a group."],
  creating: ["Creating", "The group is being created."],
  "in-step": ["In step", null],
  carrying: ["Carrying over", null],
  waiting: ["Waiting", null],
  held: ["Held", null],
  paused: ["Paused", null],
  failing: ["Failing", null],
  ended: ["Ended", null],
  unlinked: ["No team", "This group was made in Microsoft 365. Nobody links it by itself."],
};

const SIDES = {
  team: { service: "Webex", what: "team", role: "Moderator", promote: "Make moderator", demote: "Make member" },
  group: { service: "Microsoft 365", what: "group", role: "Owner", promote: "Make owner", demote: "Make member" },
};

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
const initials = (name) => name.split(" ").map((part) => part[0]).slice(0, 2).join("").toUpperCase();

export function pair(state, one) {
  const name = (one.team ?? one.group).name;
  return h("article", { class: "pair", key: one.id, "data-state": one.link.state, "aria-label": name },
    side(state, one, "team"), link(one), side(state, one, "group"));
}

function side(state, pair, kind) {
  const thing = pair[kind];
  const { service, what } = SIDES[kind];
  const label = h("p", { class: "service", key: "service" }, service);
  if (!thing) {
    const text = kind === "group" ? "The group appears here by itself." : "There is no team.";
    return h("section", { class: `side ${kind} absent`, key: kind, "aria-label": `${service}: no ${what}` }, label,
      h("p", { class: "nothing", key: "nothing" }, text));
  }
  const gone = thing.condition === "deleted";
  return h("section", { class: `side ${kind} ${thing.condition}`, key: kind, "aria-label": `${service} ${what} ${thing.name}` }, label,
    h("div", { class: "head", key: "head" },
      h("h2", {}, thing.name),
      thing.condition === "alive" ? null : h("span", { class: "tag" }, gone ? "Deleted" : "Archived"),
      menu(pair, kind, thing)),
    h("ul", { class: "people", key: "people" }, thing.people.map((person) => seat(pair, kind, person))),
    thing.condition === "alive" ? adding(state, kind, thing) : null);
}

function menu(pair, kind, thing) {
  const { what } = SIDES[kind];
  const item = (text, act, more = {}) => h("button", { type: "button", "data-do": act, "data-kind": kind, "data-id": thing.id, "data-name": thing.name, ...more }, text);
  const items = [];
  if (thing.condition === "deleted") items.push(item("Restore", "act", { "data-act": "restore" }));
  if (thing.condition === "archived") items.push(item("Bring back", "act", { "data-act": "unarchive" }));
  if (thing.condition === "alive") {
    items.push(item("Rename…", "open-rename"));
    if (kind === "team") items.push(item("Archive", "act", { "data-act": "archive" }));
    items.push(item("Delete", "act", { "data-act": "delete", class: "danger" }));
  }
  return h("details", { class: "menu", key: "menu" },
    h("summary", { "aria-label": `More for the ${what} ${thing.name}`, title: "More" }, "⋯"),
    h("div", { class: "items" }, items));
}

function seat(pair, kind, person) {
  const thing = pair[kind];
  const { role, promote, demote, service } = SIDES[kind];
  const leads = person.role === "owner";
  const officer = person.with === "officer";
  const notes = {
    different: pair.held?.side === kind && pair.held.people.includes(person.name) ? "held until an administrator decides" : "not carried over yet",
    "left-out": `stays in ${service} alone`,
    officer: "its account in Webex",
  };
  const note = notes[person.with];
  const button = (act, text, symbol) =>
    h("button", { type: "button", class: "icon", "data-do": "act", "data-act": act, "data-kind": kind, "data-id": thing.id, "data-person": person.id,
      "aria-label": `${text}: ${person.name}, ${service}`, title: text, "data-key": act === "remove" ? "remove" : "role" }, symbol);
  const editable = thing.condition === "alive";
  return h("li", { key: person.id, "data-with": person.with, class: leads ? "leads" : null },
    h("span", { class: "face", "aria-hidden": "true" }, officer ? "⇄" : initials(person.name)),
    h("span", { class: "name" }, person.name,
      leads || note ? h("small", {}, [leads && !officer ? role : null, note].filter(Boolean).join(" · ")) : null),
    editable && !officer ? button(leads ? "demote" : "promote", leads ? demote : promote, leads ? "★" : "☆") : null,
    editable ? button("remove", "Remove", "×") : null);
}

function adding(state, kind, thing) {
  const there = new Set(thing.people.map((person) => person.id));
  const can = state.people.filter((person) => !there.has(person.id) && (kind === "team" ? person.webex : person.microsoft));
  const id = `add-${thing.id}`;
  return h("div", { class: "adding", key: "adding" },
    h("label", { for: id, class: "quiet" }, `Add somebody to ${thing.name} in ${SIDES[kind].service}`),
    h("select", { id, "data-kind": kind, "data-id": thing.id, "data-key": "select" },
      h("option", { value: "", key: "none" }, "Add somebody…"),
      can.map((person) => h("option", { value: person.id, key: person.id }, person.kind ? `${person.name} (${person.kind})` : person.name))),
    h("button", { type: "button", "data-do": "add", "data-select": id, "data-key": "add", "aria-label": `Add to ${thing.name} in ${SIDES[kind].service}` }, "Add"));
}

function link(pair) {
  const { state, reason, shut_until: shut, next_look: next, differences } = pair.link;
  const [title, explained] = STATES[state];
  const words = [];
  if (state === "carrying") words.push(`${plural(differences, "difference")} on the way`);
  if (state === "waiting") words.push(`Asked to wait until ${clock(shut)}`);
  if (reason) words.push(reason);
  else if (explained) words.push(explained);
  if (state === "failing" && next) words.push(`Tried again by ${clock(next)}`);
  return h("div", { class: "link", key: "link" },
    h("div", { class: "wire", "aria-hidden": "true", key: "wire" }),
    h("p", { class: "state", key: "state" }, h("span", { class: "dot", "aria-hidden": "true" }), title),
    words.length ? h("p", { class: "why", key: "why" }, words.join(". ").replaceAll("..", ".")) : null,
    pair.held ? held(pair) : null,
    pair.left_out.length ? leftOut(pair) : null,
    pair.team?.condition === "alive" ? spaces(pair) : null);
}

function spaces(pair) {
  const { spaces: all, unlinked, waiting } = pair.spaces;
  const linked = all.filter((one) => one.folder).length;
  const button = (text, what, one, more = {}) => h("button", { type: "button", "data-do": more["data-name"] === undefined ? "space" : "open-space", "data-team": pair.id,
    "data-what": what, ...(one ? { "data-space": one.id } : {}), "aria-label": one ? `${text} ${one.title}` : text, key: what, ...more }, text);
  const row = (one, at) => h("li", { key: one.id }, h("strong", {}, one.title), one.folder ? ` ↔ 🗀 ${one.folder}` : " — no folder",
    one.state && one.state !== "linked" ? h("em", {}, ` ${one.why}`) : null,
    h("span", { class: "actions" },
      at ? button("Rename space…", "rename", one, { "data-name": one.title }) : null,
      at ? button("Out of the team", "take-out", one) : null,
      at ? button("Delete space", "delete", one) : null,
      one.folder ? button("Rename folder…", "rename-folder", one, { "data-name": one.folder }) : null,
      one.folder ? button("Delete folder", "delete-folder", one) : null,
      one.folder ? button("Remove link", "unlink", one) : null));
  return h("details", { class: "left-out spaces", key: "spaces" },
    h("summary", {}, `${plural(all.length, "space")}, ${plural(linked, "folder")}`),
    waiting ? h("p", { key: "waiting" }, waiting) : null,
    h("ul", { key: "list" }, all.map(row), unlinked.map((name) => h("li", { key: `folder ${name}` }, `🗀 ${name}`, h("em", {}, " No space of the team is linked to it.")))),
    h("p", { class: "actions", key: "more" }, button("A new space…", "create", null, { "data-name": "" }),
      h("button", { type: "button", "data-do": "act", "data-act": "sync-now", "data-kind": "team", "data-id": pair.id }, "Sync now")));
}

function held(pair) {
  const where = pair.held.side === "team" ? "the Webex team" : "the Microsoft 365 group";
  const button = (decision, text) => h("button", { type: "button", "data-do": "decide", "data-id": pair.id, "data-decision": decision }, text);
  return h("div", { class: "held", key: "held" },
    h("p", {}, h("strong", {}, `${plural(pair.held.people.length, "person").replace("persons", "people")}`), ` would leave ${where}: ${pair.held.people.join(", ")}.`),
    h("div", { class: "actions" }, button("apply", "Let them go"), button("discard", "Put them back")));
}

function leftOut(pair) {
  return h("details", { class: "left-out", key: "left-out" },
    h("summary", {}, `${pair.left_out.length} left out`),
    h("ul", {}, pair.left_out.map((one) => h("li", {}, h("strong", {}, one.name), ` ${one.reason} `, h("em", {}, one.remedy)))));
}

/** What to say of all links together. */
export function verdict(pairs, wrong) {
  if (wrong.length) return ["bad", wrong[0]];
  const linked = pairs.filter((one) => one.team);
  const of = (...states) => linked.filter((one) => states.includes(one.link.state));
  if (of("failing").length) return ["bad", `${plural(of("failing").length, "link")} failing`];
  if (of("paused").length) return ["caution", `${plural(of("paused").length, "link")} paused`];
  if (of("held").length) return ["caution", "Removals wait for an administrator"];
  const busy = of("new", "asked", "creating", "carrying", "waiting");
  if (busy.length) return ["busy", `${plural(busy.length, "team")} on the way`];
  const same = of("in-step").length;
  return ["good", same === 1 ? "1 team in step" : same === 2 ? "Both teams in step" : `All ${same} teams in step`];
}
