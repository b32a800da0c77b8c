// Draws every example with the sandbox's own modules, which stand beside this one on the finished page.

import { contextFor } from "./actions.js";
import { renderBlocks } from "./blocks.js";
import { h, icon } from "./dom.js";
import { messageNode } from "./messages.js";
import { frame } from "./modal.js";
import { load, state } from "./store.js";

const POSTED = Date.UTC(2027, 2, 1, 10) / 1000;
const { workspace, groups } = JSON.parse(document.getElementById("shown").textContent);
load(workspace);
state.me = "UALICE";

const nothing = () => {};

function message({ name, payload }) {
  return messageNode({ ts: `${POSTED}.0001`, user: state.app.bot_user_id, bot: true, ...payload }, { channel: name, inThread: true });
}

function modal({ name, payload }) {
  const ctx = contextFor(name, { view_id: name }, payload.blocks);
  const node = h("div", { class: "dialog modal", role: "group", open: true }, frame(payload, ctx, { close: nothing, submit: nothing }));
  node.querySelector("#modal-title").removeAttribute("id");
  return node;
}

function home({ name, payload }) {
  return h("div", { class: "home-inner" }, renderBlocks(payload.blocks, contextFor(name, { view_id: name }, payload.blocks)));
}

const DRAW = { modal, home };
const kindOf = (item) => (DRAW[item.payload.type] ? item.payload.type : "message");

function figures({ counts }) {
  const amount = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
  return [amount(counts.words, "word"), amount(counts.blocks, "block"), amount(counts.buttons, "button")].join(" · ");
}

// JSON is written out only when somebody asks for it.
function folded(item) {
  const node = h("details", { class: "shown-json" }, h("summary", {}, "JSON"));
  node.addEventListener("toggle", () => {
    if (node.childElementCount === 1) node.append(h("pre", { class: "pre", tabindex: "0" }, JSON.stringify(item.payload, null, 2)));
  });
  return node;
}

function example(item) {
  const kind = kindOf(item);
  return h("article", { class: "shown", id: item.name },
    h("h3", {}, h("a", { href: `#${item.name}` }, item.title), h("code", {}, item.name), h("span", { class: "muted" }, figures(item))),
    h("div", { class: `stage stage-${kind}` }, (DRAW[kind] ?? message)(item)),
    item.payload.text && h("p", { class: "said" }, h("span", { class: "muted" }, "A screen reader says: "), item.payload.text),
    folded(item));
}

const idOf = (title) => title.toLowerCase().replace(/[^a-z0-9]+/g, "-");

function section({ title, items }) {
  return h("section", { class: "shown-group", id: idOf(title) }, h("h2", {}, title), items.map(example));
}

function contents() {
  const entries = ({ title, items }) => h("details", {},
    h("summary", {}, title, h("span", { class: "muted" }, ` ${items.length}`)),
    h("ul", {}, items.map((item) => h("li", {}, h("a", { href: `#${item.name}` }, item.title)))));
  return h("nav", { class: "contents", "aria-label": "Contents" }, groups.map(entries));
}

function widths() {
  const button = (name, label) => h("button", {
    type: "button", "aria-pressed": String(name === "wide"), dataset: { width: name }, onclick: () => setWidth(name),
  }, label);
  return h("div", { class: "widths", role: "group", "aria-label": "Width" }, button("wide", "Wide"), button("narrow", "Phone, 360 px"));
}

function setWidth(name) {
  document.body.classList.toggle("narrow", name === "narrow");
  for (const each of document.querySelectorAll(".widths button")) each.setAttribute("aria-pressed", String(each.dataset.width === name));
}

// Only those examples stay whose name, words or JSON holds what is typed.
function search() {
  const texts = new Map(groups.flatMap(({ items }) => items.map((item) => [item.name, `${item.name} ${item.title} ${JSON.stringify(item.payload)}`.toLowerCase()])));
  const field = h("input", { type: "search", class: "field", placeholder: "Find a name or words", "aria-label": "Find a name or words" });
  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLowerCase();
    for (const node of document.querySelectorAll(".shown")) node.hidden = !texts.get(node.id).includes(wanted);
    for (const node of document.querySelectorAll(".shown-group")) node.hidden = !node.querySelector(".shown:not([hidden])");
  });
  return field;
}

const total = groups.reduce((sum, { items }) => sum + items.length, 0);
document.body.replaceChildren(
  h("header", { class: "gallery-bar" },
    h("span", { class: "app-icon", "aria-hidden": "true" }, icon("bolt")),
    h("h1", {}, "Gatepost gallery"),
    h("span", { class: "gallery-total" }, `${total} pictures of what people see`),
    search(), widths()),
  contents(),
  h("main", { class: "gallery-main" }, groups.map(section)));
document.getElementById(location.hash.slice(1))?.scrollIntoView();
document.body.dataset.drawn = total;
