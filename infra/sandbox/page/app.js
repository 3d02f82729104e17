// The page: fetches the state, shows it, and handles buttons.

import { clock, day, h, morph, moveFocus, rove } from "./dom.js";
import { pair, verdict } from "./pairs.js";
import * as panels from "./panels.js";

const by = (id) => document.getElementById(id);
const INTERVAL_MS = 300;

/** The chosen customer's id; at first the sandbox chooses. */
let customer = null;
let after = 0;
let state = null;
let pending = null;
let first = true;

async function fetchState() {
  const requested = customer;
  const chosen = requested ? `customer=${requested}&` : "";
  const answer = await fetch(`/api/state?${chosen}after=${after}`);
  const fresh = await answer.json();
  if (!answer.ok) throw new Error(fresh.error);
  // Another customer was chosen meanwhile.
  if (requested !== customer) return;
  state = fresh;
  customer = fresh.customer.id;
  show();
}

async function refresh() {
  pending ??= fetchState().catch(() => offline()).finally(() => { pending = null; });
  return pending;
}

function offline() {
  const element = by("verdict");
  element.dataset.state = "bad";
  by("verdict-text").textContent = "The sandbox has ended";
}

async function post(path, body) {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  const result = await answer.json();
  if (!answer.ok) {
    toast(result.error);
    return null;
  }
  await pending;
  await refresh();
  return result;
}

let hiding = 0;
function toast(text) {
  by("toast").textContent = text;
  by("toast").hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { by("toast").hidden = true; }, 6000);
}

function show() {
  by("now").textContent = clock(state.now);
  by("date").textContent = day(state.now);
  showPassing(state.passing);
  by("setup").hidden = !state.setup_pages;
  if (state.setup_pages) {
    by("setup").href = state.setup_pages.address;
    by("setup").title = `Sign in with Webex as ${state.setup_pages.account}`;
    by("setup").textContent = `Setup pages of ${state.customer.name}`;
  }
  by("now").dateTime = state.now;
  for (const button of document.querySelectorAll("[data-do=speed]")) {
    button.setAttribute("aria-pressed", button.dataset.speed === state.speed ? "true" : "false");
  }
  morph(by("customers"), h("div", {}, state.customers.map((one) =>
    h("button", { type: "button", key: one.id, "data-do": "customer", "data-customer": one.id,
      "aria-pressed": one.id === customer ? "true" : "false" }, one.name))));
  // The team of the story comes first.
  const isOfStory = (one) => one.id === state.story?.team;
  const pairs = state.pairs.toSorted((one, other) => isOfStory(other) - isOfStory(one));
  morph(by("pairs"), h("div", {}, pairs.map((one) => pair(state, one))));
  rove();
  morph(by("disruptions"), h("ul", {}, state.disruptions.map(panels.disruption)));
  morph(by("on"), h("div", {}, state.disruptions.filter((one) => one.on).map(panels.chip)));
  morph(by("messages"), h("ul", {}, state.messages.map(panels.message)));
  by("messages-section").hidden = !state.messages.length;
  by("story").hidden = !state.has_story;
  const [how, text] = verdict(state.pairs, state.problems);
  by("verdict").dataset.state = how;
  if (by("verdict-text").textContent !== text) by("verdict-text").textContent = text;
  panels.story(state.story);
  by("cycle").textContent = panels.cycle(state);
  panels.drop(state.dropped);
  if (state.entries.length) {
    after = state.entries.at(-1).n;
    const announcement = panels.add(state.entries);
    if (announcement && !first) by("live").textContent = announcement;
    showLog();
  } else if (first) {
    showLog();
  }
  first = false;
}

/** Shows how far a span has passed; another one can begin only after it. */
function showPassing(passing) {
  const bar = by("passing");
  bar.hidden = !passing;
  if (passing) {
    const [now, since, until] = [state.now, passing.since, passing.until].map(Date.parse);
    bar.value = (now - since) / (until - since);
  }
  by("clock").toggleAttribute("aria-busy", Boolean(passing));
  for (const button of document.querySelectorAll("[data-do=pass]")) button.disabled = Boolean(passing);
}

function showLog() {
  morph(by("filters"), panels.filters());
  panels.list(by("entries"), by("empty"));
}

const on = ({ kind, id }) => ({ [kind]: id });
const perform = (action, body) => post("/api/actions", { action, ...body });

const handlers = {
  speed: ({ speed }) => post("/api/time", { speed }),
  pass: ({ seconds }) => post("/api/time", { pass: Number(seconds) }),
  story: async ({ what }) => {
    // The story is about the first customer.
    const first = state.customers[0].id;
    if (what === "start" && customer !== first) await handlers.customer({ customer: first });
    await post("/api/story", { do: what });
  },
  disruption: (data) => post("/api/disruptions",
    { customer, disruption: data.disruption, switch: data.on === "on" ? "off" : "on" }),
  "show-disruption": async (data) => {
    const { disruption, side } = data;
    if (data.on !== "on" && !await post("/api/disruptions", { customer, disruption, switch: "on" })) return;
    if (side) await showChange(side);
  },
  "open-disruptions": () => {
    by("break").open = true;
    by("break").querySelector("summary").focus();
  },
  answer: ({ person, message, button }) =>
    perform("answer-card", { person, message, button: Number(button) }),
  decide: ({ id, decision }) => perform("decide", { team: id, decision }),
  action: (data) => perform(data.action, { ...on(data), ...(data.person ? { person: data.person } : {}) }),
  space: (data) => perform("space", { team: data.team, space: data.space, what: data.what }),
  "open-space": (data) => {
    const title = {
      create: "New space in the team",
      rename: "Rename the space in Webex",
      "rename-folder": "Rename the folder in SharePoint",
    }[data.what];
    open(title, data.what === "create" ? "Create" : "Rename", [nameField(data.name)], (form) =>
      perform("space", { team: data.team, space: data.space, what: data.what, name: form.get("name") }));
  },
  customer: (data) => {
    customer = data.customer;
    after = 0;
    first = true;
    panels.clear();
    pending = null;
    return refresh();
  },
  filter: ({ kind }) => {
    panels.toggle(kind);
    showLog();
  },
  add: async (data) => {
    const select = by(data.select);
    if (!select.value) return select.focus();
    const body = { ...on(select.dataset), person: select.value };
    select.value = "";
    await perform("add", body);
  },
  "open-rename": (data) => {
    const what = data.kind === "team" ? "team in Webex" : "group in Microsoft 365";
    open(`Rename the ${what}`, "Rename", [nameField(data.name)],
      (form) => perform("rename", { ...on(data), name: form.get("name") }));
  },
  "open-create": ({ kind }) => {
    const side = kind === "team" ? "webex" : "microsoft";
    const people = state.people.filter((person) => person[side] && !person.kind);
    const option = (person) => h("option", { value: person.id }, person.name);
    const fields = [nameField(""), h("label", { for: "by" }, kind === "team" ? "Created by" : "Owned by"),
      h("select", { id: "by", name: "by" }, people.map(option))];
    if (kind === "team") {
      const box = (person) => h("label", { class: "check" },
        h("input", { type: "checkbox", name: "people", value: person.id }), person.name);
      fields.push(h("fieldset", {}, h("legend", {}, "Other members"), people.map(box)));
    }
    const title = kind === "team" ? "New team in Webex" : "New group in Microsoft 365";
    fields[2].addEventListener("change", hideCreator);
    open(title, "Create", fields, (form) => perform(`create-${kind}`, {
      name: form.get("name"),
      by: form.get("by"),
      ...(kind === "team" ? { people: form.getAll("people") } : {}),
    }));
    hideCreator();
  },
};

/** Makes the one change that a disruption needs to be seen: someone joins, or else leaves. */
async function showChange(side) {
  const pair = state.pairs.find((one) => one.team?.condition === "alive" && one.group?.condition === "alive");
  if (!pair) return toast("There is no linked team to show it with.");
  const account = side === "team" ? "webex" : "microsoft";
  const there = new Set([...pair.team.people, ...pair.group.people].map((one) => one.id));
  const people = state.people.filter((one) => one.webex && one.microsoft && !one.kind);
  const joins = people.find((one) => one[account] && !there.has(one.id));
  const leaves = pair[side].people.findLast((one) => one.role === "member" && one.counterpart === "same");
  const who = joins ?? leaves;
  if (!who) return toast("There is no one to show it with.");
  const done = await perform(joins ? "add" : "remove", { [side]: pair[side].id, person: who.id });
  const where = side === "team" ? "Webex" : "Microsoft 365";
  if (done) toast(`${who.name} was ${joins ? "added" : "removed"} in ${where}. Watch ${pair.team.name}.`);
}

/** Offers the creator of a team no second time. */
function hideCreator() {
  for (const box of by("dialog-fields").querySelectorAll("[name=people]")) {
    const isCreator = box.value === by("by").value;
    box.closest("label").hidden = isCreator;
    if (isCreator) box.checked = false;
  }
}

const nameField = (value) => h("label", {}, "Name",
  h("input", { name: "name", required: true, maxlength: 80, autocomplete: "off", value }));

let submit = null;
function open(title, ok, fields, then) {
  by("dialog-title").textContent = title;
  by("dialog-ok").textContent = ok;
  by("dialog-fields").replaceChildren(...fields);
  submit = then;
  by("dialog").returnValue = "";
  by("dialog").showModal();
  by("dialog-fields").querySelector("input")?.select();
}

by("form").addEventListener("submit", (event) => {
  if (event.submitter?.value !== "cancel") submit?.(new FormData(by("form")));
});

document.addEventListener("click", (event) => {
  const menu = event.target.closest("details:is(.menu, .drawer)");
  for (const other of document.querySelectorAll("details:is(.menu, .drawer)[open]")) {
    if (other !== menu || event.target.closest(".items")) other.open = false;
  }
  const button = event.target.closest("button[data-do]");
  if (button) handlers[button.dataset.do]?.(button.dataset);
});

document.addEventListener("keydown", (event) => {
  const button = event.target.closest("button");
  if (button && moveFocus(event.key, button)) return event.preventDefault();
  if (event.key !== "Escape") return;
  const menu = document.activeElement?.closest("details:is(.menu, .drawer)[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// Enter would submit with the form's first button, which cancels; it should confirm.
by("dialog-fields").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("input")) {
    event.preventDefault();
    by("form").requestSubmit(by("dialog-ok"));
  }
});

async function run() {
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((done) => setTimeout(done, INTERVAL_MS));
  }
}
run();
