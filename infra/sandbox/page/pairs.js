// Teams and groups, and the links between them.

import { clock, folderIcon, h, plural } from "./dom.js";

const STATES = {
  new: ["Not found yet", "Reconciliation reads Webex’s events every minute and finds the team."],
  asked: ["Asked", "The creator is asked whether the team should have a group."],
  creating: ["Creating", "The group is being created."],
  "in-sync": ["In sync", null],
  syncing: ["Syncing", null],
  differs: ["Differs", null],
  waiting: ["Waiting", null],
  "pending-approval": ["Pending approval", null],
  paused: ["Paused", null],
  failing: ["Failing", null],
  ended: ["Ended", null],
  unlinked: ["No team", "This group was created in Microsoft 365. It gets no team."],
};

const SIDES = {
  team: {
    service: "Webex",
    what: "team",
    role: "Moderator",
    promote: "Make moderator",
    demote: "Make member",
  },
  group: {
    service: "Microsoft 365",
    what: "group",
    role: "Owner",
    promote: "Make owner",
    demote: "Make member",
  },
};

const initials = (name) => name.split(" ").map((part) => part[0]).slice(0, 2).join("").toUpperCase();
const button = (attributes, text) => h("button", { type: "button", ...attributes }, text);

export function pair(state, one) {
  const { name } = one.team ?? one.group;
  return h("article", { class: "pair", key: one.id, "data-state": one.link.state, "aria-label": name },
    overview(one), side(state, one, "team"), link(one), side(state, one, "group"));
}

/** Both sides in two lines of initials: on a phone it stays in sight beside either side. */
function overview(pair) {
  const line = (kind) => h("p", { class: `line ${kind}`, key: kind },
    (pair[kind]?.people ?? []).filter((one) => one.counterpart !== "service-account").map((one) =>
      h("span", { class: "face", key: one.id, "data-counterpart": one.counterpart }, initials(one.name))));
  return h("div", { class: "overview", key: "overview", "aria-hidden": "true" }, line("team"), line("group"));
}

function side(state, pair, kind) {
  const thing = pair[kind];
  const { service, what } = SIDES[kind];
  const label = h("p", { class: "service", key: "service" }, service);
  if (!thing) {
    const text = kind === "group" ? "The group appears here automatically." : "There is no team.";
    const attributes = { class: `side ${kind} absent`, key: kind, "aria-label": `${service}: no ${what}` };
    return h("section", attributes, label, h("p", { class: "nothing", key: "nothing" }, text));
  }
  const isAlive = thing.condition === "alive";
  const tag = thing.condition === "deleted" ? "Deleted" : "Archived";
  const attributes = {
    class: `side ${kind} ${thing.condition}`,
    key: kind,
    "aria-label": `${service} ${what} ${thing.name}`,
  };
  return h("section", attributes, label,
    h("div", { class: "head", key: "head" },
      h("h2", {}, thing.name),
      isAlive ? null : h("span", { class: "tag" }, tag),
      menu(kind, thing)),
    h("ul", { class: "people", key: "people", "data-rove": "" }, thing.people.map((one) => person(pair, kind, one))),
    isAlive ? adding(state, kind, thing) : null);
}

function menu(kind, thing) {
  const { what } = SIDES[kind];
  const data = { "data-kind": kind, "data-id": thing.id, "data-name": thing.name };
  const action = (text, action, more = {}) =>
    button({ "data-do": "action", "data-action": action, ...data, ...more }, text);
  const items = [];
  if (thing.condition === "deleted") items.push(action("Restore", "restore"));
  if (thing.condition === "archived") items.push(action("Restore", "unarchive"));
  if (thing.condition === "alive") {
    items.push(button({ "data-do": "open-rename", ...data }, "Rename…"));
    if (kind === "team") items.push(action("Archive", "archive"));
    items.push(action("Delete", "delete", { class: "danger" }));
  }
  return h("details", { class: "menu", key: "menu" },
    h("summary", { "aria-label": `More for the ${what} ${thing.name}`, title: "More" }, "⋯"),
    h("div", { class: "items" }, items));
}

/** A word about a person who differs; the link says why. */
function differenceOf(pair, person, waits) {
  if (waits) return "waits for an administrator’s decision";
  const stays = pair.link.open.some((one) => one.outlook === "stays" && one.names.includes(person.name));
  return stays ? "differs" : "not synced yet";
}

/** A remark below a person's name. */
function remark(pair, kind, person) {
  const waits = pair.pending_approval?.side === kind
    && pair.pending_approval.people.includes(person.name);
  const remarks = {
    different: differenceOf(pair, person, waits),
    excluded: `remains in ${SIDES[kind].service} only`,
    "service-account": "the integration’s account",
  };
  return remarks[person.counterpart];
}

function person(pair, kind, one) {
  const thing = pair[kind];
  const { role, promote, demote, service } = SIDES[kind];
  const leads = one.role === "owner";
  const isServiceAccount = one.counterpart === "service-account";
  const remarks = [leads && !isServiceAccount ? role : null, remark(pair, kind, one)].filter(Boolean);
  const icon = (action, text, symbol) => button({
    class: "icon",
    tabindex: -1,
    "data-do": "action",
    "data-action": action,
    "data-kind": kind,
    "data-id": thing.id,
    "data-person": one.id,
    "aria-label": `${text}: ${one.name}, ${service}`,
    title: text,
    "data-key": action === "remove" ? "remove" : "role",
  }, symbol);
  const changeRole = () => (leads ? icon("demote", demote, "★") : icon("promote", promote, "☆"));
  const isEditable = thing.condition === "alive";
  const attributes = { key: one.id, "data-counterpart": one.counterpart, class: leads ? "leads" : null };
  return h("li", attributes,
    h("span", { class: "face", "aria-hidden": "true" }, isServiceAccount ? "⇄" : initials(one.name)),
    h("span", { class: "name" }, one.name,
      remarks.length ? h("small", {}, remarks.join(" · ")) : null),
    isEditable && !isServiceAccount ? changeRole() : null,
    isEditable ? icon("remove", "Remove", "×") : null);
}

function adding(state, kind, thing) {
  const { service } = SIDES[kind];
  const there = new Set(thing.people.map((person) => person.id));
  const account = kind === "team" ? "webex" : "microsoft";
  const candidates = state.people.filter((person) => !there.has(person.id) && person[account]);
  const label = (person) => (person.kind ? `${person.name} (${person.kind})` : person.name);
  const option = (person) => h("option", { value: person.id, key: person.id }, label(person));
  const id = `add-${thing.id}`;
  return h("div", { class: "adding", key: "adding" },
    h("label", { for: id, class: "quiet" }, `Add a person to ${thing.name} in ${service}`),
    h("select", { id, "data-kind": kind, "data-id": thing.id, "data-key": "select" },
      h("option", { value: "", key: "none" }, "Add a person…"), candidates.map(option)),
    button({
      "data-do": "add",
      "data-select": id,
      "data-key": "add",
      "aria-label": `Add to ${thing.name} in ${service}`,
    }, "Add"));
}

/** Explains a link's state, and each difference: why it is open, and until when. */
function explanation({ state, reason, throttled_until: until, next_sync_at: next, differences, open }) {
  const sentences = [];
  const explained = open.reduce((count, one) => count + Math.max(1, one.names.length), 0);
  if (state === "syncing" && explained < differences) {
    sentences.push(`${plural(differences - explained, "difference")} to sync, by ${clock(next)}.`);
  }
  if (state === "waiting") sentences.push(`Microsoft or Webex asked for a pause until ${clock(until)}.`);
  if (reason) sentences.push(reason);
  else if (STATES[state][1]) sentences.push(STATES[state][1]);
  if (state === "failing" && next) sentences.push(`Next attempt by ${clock(next)}.`);
  for (const { names, why, until: end } of open) {
    const who = names.length ? `${names.join(", ")}: ` : "";
    sentences.push(`${who}${why}${end ? ` Until ${clock(end)}.` : ""}`);
  }
  return sentences;
}

function link(pair) {
  const why = explanation(pair.link);
  return h("div", { class: "link", key: "link" },
    h("div", { class: "wire", "aria-hidden": "true", key: "wire" }),
    h("p", { class: "state", key: "state" },
      h("span", { class: "dot", "aria-hidden": "true" }), STATES[pair.link.state][0]),
    why.map((sentence, at) => h("p", { class: "why", key: `why ${at}` }, sentence)),
    pair.pending_approval ? approval(pair) : null,
    pair.excluded.length ? excluded(pair) : null,
    pair.team?.condition === "alive" ? spaces(pair) : null);
}

function spaces(pair) {
  const { spaces: all, unlinked, blocker } = pair.spaces;
  const linked = all.filter((one) => one.folder).length;
  const note = (text) => h("em", {}, ` ${text}`);
  const folder = (name) => h("li", { key: `folder ${name}` }, folderIcon(), name,
    note("No space of the team is linked to it."));
  const sync = { "data-do": "action", "data-action": "sync-now", "data-kind": "team", "data-id": pair.id };
  const create = {
    "data-do": "open-space",
    "data-team": pair.id,
    "data-what": "create",
    "data-name": "",
    "aria-label": "New space…",
    key: "create",
  };
  const row = (one, at) => h("li", { key: one.id },
    h("strong", {}, one.title), one.folder ? [folderIcon(), one.folder] : "no folder",
    one.state && one.state !== "linked" ? note(one.why) : null,
    h("span", { class: "actions" }, spaceButtons(pair, one, at === 0)));
  return drawer("spaces", `${plural(all.length, "space")}, ${plural(linked, "folder")}`, pair,
    blocker ? h("p", { key: "blocker" }, blocker) : null,
    h("ul", { key: "list" }, all.map(row), unlinked.map(folder)),
    h("p", { class: "actions", key: "more" }, button(create, "New space…"), button(sync, "Sync now")));
}

/** A panel over the page, so that what it shows moves neither team. */
function drawer(key, title, pair, ...content) {
  const { name } = pair.team ?? pair.group;
  const label = `${name}: ${title}`;
  return h("details", { class: "drawer", key },
    h("summary", { "aria-label": label }, title),
    h("div", { class: `panel ${key}`, role: "region", "aria-label": label, tabindex: 0, key: "panel" },
      content));
}

/** The buttons of a space; the General space has only those of its folder. */
function spaceButtons(pair, one, isGeneral) {
  const make = (text, what, name) => button({
    "data-do": name === undefined ? "space" : "open-space",
    "data-team": pair.id,
    "data-what": what,
    "data-space": one.id,
    "aria-label": `${text} ${one.title}`,
    key: what,
    ...(name === undefined ? {} : { "data-name": name }),
  }, text);
  return [
    ...(isGeneral ? [] : [
      make("Rename space…", "rename", one.title),
      make("Remove from team", "take-out"),
      make("Delete space", "delete"),
    ]),
    ...(one.folder ? [
      make("Rename folder…", "rename-folder", one.folder),
      make("Delete folder", "delete-folder"),
      make("Remove link", "unlink"),
    ] : []),
  ];
}

function approval(pair) {
  const { side, people } = pair.pending_approval;
  const where = side === "team" ? "the Webex team" : "the Microsoft 365 group";
  const decide = (decision, text) =>
    button({ "data-do": "decide", "data-id": pair.id, "data-decision": decision }, text);
  const count = people.length === 1 ? "1 person" : `${people.length} people`;
  return h("div", { class: "approval", key: "approval" },
    h("p", {}, h("strong", {}, count), ` would be removed from ${where}: ${people.join(", ")}.`),
    h("div", { class: "actions" }, decide("apply", `Remove ${count}`), decide("discard", "Keep them (re-add them)")));
}

function excluded(pair) {
  const row = (one) => h("li", {}, h("strong", {}, one.name), ` ${one.reason} `, h("em", {}, one.remedy));
  return drawer("excluded", plural(pair.excluded.length, "excluded account"), pair,
    h("ul", { key: "list" }, pair.excluded.map(row)));
}

/** The state of all links together: its kind and a text. */
export function verdict(pairs, problems) {
  if (problems.length) return ["bad", problems[0]];
  const linked = pairs.filter((one) => one.team);
  const count = (...states) => linked.filter((one) => states.includes(one.link.state)).length;
  if (count("failing")) return ["bad", `${plural(count("failing"), "link")} failing`];
  if (count("paused")) return ["caution", `${plural(count("paused"), "link")} paused`];
  if (count("differs")) return ["caution", `${plural(count("differs"), "team")} with a difference that stays`];
  if (count("pending-approval")) return ["caution", "Removals wait for an administrator"];
  const busy = count("new", "creating", "syncing", "waiting");
  if (busy) return ["busy", `${plural(busy, "team")} syncing`];
  if (count("asked")) return ["busy", `${plural(count("asked"), "creator")} asked`];
  const same = count("in-sync");
  if (!same) return ["loading", "No teams yet"];
  const texts = { 1: "1 team in sync", 2: "Both teams in sync" };
  return ["good", texts[same] ?? `All ${same} teams in sync`];
}
