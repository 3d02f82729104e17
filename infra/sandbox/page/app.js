// The page: asks for the state, shows it, and does what buttons say.

import { clock, h, morph } from "./dom.js";
import { pair, verdict } from "./pairs.js";
import * as panels from "./panels.js";

const by = (id) => document.getElementById(id);
const EVERY = 300;

let customer = "contoso";
let after = 0;
let state = null;
let asking = null;
let first = true;

async function ask() {
  const asked = customer;
  const answer = await fetch(`/api/state?customer=${asked}&after=${after}`);
  const fresh = await answer.json();
  if (!answer.ok) throw new Error(fresh.error);
  // Somebody chose another customer meanwhile.
  if (asked !== customer) return;
  state = fresh;
  show();
}

async function refresh() {
  asking ??= ask().catch(() => offline()).finally(() => { asking = null; });
  return asking;
}

function offline() {
  const element = by("verdict");
  element.dataset.state = "bad";
  by("verdict-text").textContent = "The sandbox has ended";
}

async function post(path, body) {
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const said = await answer.json();
  if (!answer.ok) {
    toast(said.error);
    return null;
  }
  await asking;
  await refresh();
  return said;
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
  by("now").dateTime = state.now;
  for (const button of document.querySelectorAll("[data-do=speed]")) {
    button.setAttribute("aria-pressed", button.dataset.speed === state.speed ? "true" : "false");
  }
  morph(by("customers"), h("div", {}, state.customers.map((one) =>
    h("button", { type: "button", key: one.id, "data-do": "customer", "data-customer": one.id, "aria-pressed": one.id === customer ? "true" : "false" }, one.name))));
  // The team that the story is about stands where one looks.
  const pairs = state.pairs.toSorted((one, other) => (other.id === state.story?.team) - (one.id === state.story?.team));
  morph(by("pairs"), h("div", {}, pairs.map((one) => pair(state, one))));
  morph(by("troubles"), h("ul", {}, state.troubles.map(panels.trouble)));
  morph(by("on"), h("div", {}, state.troubles.filter((one) => one.on).map(panels.chip)));
  const [how, text] = verdict(state.pairs, state.wrong);
  by("verdict").dataset.state = how;
  if (by("verdict-text").textContent !== text) by("verdict-text").textContent = text;
  panels.story(state.story);
  by("round").textContent = panels.round(state);
  if (state.entries.length) {
    after = state.entries.at(-1).n;
    const spoken = panels.hear(state.entries);
    if (spoken && !first) by("live").textContent = spoken;
    shown();
  } else if (first) {
    shown();
  }
  first = false;
}

function shown() {
  morph(by("filters"), panels.filters());
  panels.list(by("entries"), by("empty"));
}

const on = ({ kind, id }) => ({ [kind]: id });

const acts = {
  speed: ({ speed }) => post("/api/time", { speed }),
  pass: async ({ seconds }) => {
    by("clock").setAttribute("aria-busy", "true");
    await post("/api/time", { pass: Number(seconds) });
    by("clock").removeAttribute("aria-busy");
  },
  story: async ({ what }) => {
    // It is told of the first customer.
    if (what === "tell" && customer !== state.customers[0].id) await acts.customer({ customer: state.customers[0].id });
    await post("/api/story", { do: what });
  },
  trouble: (data) => post("/api/troubles", { customer, trouble: data.trouble, switch: data.on === "on" ? "off" : "on" }),
  decide: ({ id, decision }) => post("/api/acts", { act: "decide", team: id, decision }),
  act: (data) => post("/api/acts", { act: data.act, ...on(data), ...(data.person ? { person: data.person } : {}) }),
  space: (data) => post("/api/acts", { act: "space", team: data.team, space: data.space, what: data.what }),
  "open-space": (data) => {
    const title = { create: "A new space in the team", rename: "Rename the space in Webex", "rename-folder": "Rename the folder in SharePoint" }[data.what];
    open(title, data.what === "create" ? "Create" : "Rename", [nameField(data.name)],
      (form) => post("/api/acts", { act: "space", team: data.team, space: data.space, what: data.what, name: form.get("name") }));
  },
  customer: (data) => {
    customer = data.customer;
    after = 0;
    first = true;
    panels.forget();
    asking = null;
    return refresh();
  },
  filter: ({ kind }) => {
    panels.toggle(kind);
    shown();
  },
  add: async (data) => {
    const select = by(data.select);
    if (!select.value) return select.focus();
    const body = { act: "add", ...on(select.dataset), person: select.value };
    select.value = "";
    await post("/api/acts", body);
  },
  "open-rename": (data) => {
    const what = data.kind === "team" ? "team in Webex" : "group in Microsoft 365";
    open(`Rename the ${what}`, "Rename", [nameField(data.name)], (form) => post("/api/acts", { act: "rename", ...on(data), name: form.get("name") }));
  },
  "open-create": ({ kind }) => {
    const side = kind === "team" ? "webex" : "microsoft";
    const people = state.people.filter((person) => person[side] && !person.kind);
    const fields = [nameField(""), h("label", { for: "by" }, kind === "team" ? "Created by" : "Owned by"),
      h("select", { id: "by", name: "by" }, people.map((person) => h("option", { value: person.id }, person.name)))];
    if (kind === "team") {
      fields.push(h("fieldset", {}, h("legend", {}, "Who else is in it"),
        people.map((person) => h("label", { class: "check" }, h("input", { type: "checkbox", name: "people", value: person.id }), person.name))));
    }
    const title = kind === "team" ? "A new team in Webex" : "A new group in Microsoft 365";
    open(title, "Create", fields, (form) => post("/api/acts", {
      act: `create-${kind}`, name: form.get("name"), by: form.get("by"), ...(kind === "team" ? { people: form.getAll("people") } : {}),
    }));
  },
};

const nameField = (value) => h("label", {}, "Name", h("input", { name: "name", required: true, maxlength: 80, autocomplete: "off", value }));

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
  const menu = event.target.closest("details.menu");
  for (const other of document.querySelectorAll("details.menu[open]")) {
    if (other !== menu || event.target.closest(".items")) other.open = false;
  }
  const button = event.target.closest("button[data-do]");
  if (button) acts[button.dataset.do]?.(button.dataset);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.activeElement?.closest("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// Enter submits with the form's first button, which is to cancel: the field says what is meant.
by("dialog-fields").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("input")) {
    event.preventDefault();
    by("form").requestSubmit(by("dialog-ok"));
  }
});

async function run() {
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((done) => setTimeout(done, EVERY));
  }
}
run();
