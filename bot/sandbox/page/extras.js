// What the demo may mount beside the local Slack: the shop's ledger, and a menu of requests to start.

import { api, failed, sentence } from "./api.js";
import { h, icon } from "./dom.js";
import { timeOf } from "./dates.js";
import { toast } from "./feedback.js";
import { menu } from "./menus.js";
import { emit, state } from "./store.js";

const EVERY = 3000;
let cases = [];
let rows = null;
let ledger = null;
let deeds = [];
let drawn = "";
let open = localStorage.getItem("shop") !== "closed" && innerWidth >= 1180;
const known = new Set();

export async function findExtras() {
  const [answer] = await Promise.all([api.get("/demo/cases"), refreshShop()]);
  cases = Array.isArray(answer) ? answer : [];
  if (rows) setInterval(() => document.hidden || refreshShop(), EVERY);
}

export function demoMenu() {
  if (!cases.length) return null;
  const button = h("button", { type: "button", class: "new-request", "aria-haspopup": "menu", dataset: { testid: "new-request" } }, icon("plus"), "New request", icon("down"));
  return menu(button, cases.map((each) => ({
    text: each.title ?? each.case, hint: each.workflow, value: `${each.workflow}:${each.case}`, pick: () => propose(each),
  })), "demo-menu");
}

async function propose(each) {
  const answer = await api.post("/demo/propose", { workflow: each.workflow, case: each.case });
  toast(failed(answer) ? sentence(answer) : `The agent has started: ${each.title ?? each.case}`, failed(answer) ? "warning" : "done");
  emit("refresh");
}

async function refreshShop() {
  const [first, second] = await Promise.all([api.get("/shop/ledger"), api.get("/shop/deeds")]);
  ledger = listOf(first) ?? ledger;
  deeds = listOf(second)?.map(asRow) ?? deeds;
  rows = ledger && [...ledger, ...deeds].sort((one, other) => String(one.at).localeCompare(String(other.at)));
  if (rows) drawShop();
}

function listOf(answer) {
  if (failed(answer)) return null;
  const list = Array.isArray(answer) ? answer : Object.values(answer ?? {}).find(Array.isArray);
  return list?.map((row) => (row && typeof row === "object" ? row : { entry: row }));
}

// A deed says in its title what was done; its kind is for machines.
const asRow = ({ deed, title, undone, ...rest }) => ({ seq: deed, ...rest, kind: title });

// Beside an open thread there is rarely room: then the shop shrinks to its rail.
const isOpen = () => open && !(state.thread && innerWidth < 1560);

function toggleShop() {
  if (open && !isOpen()) return emit("open-thread", null);
  open = !open;
  localStorage.setItem("shop", open ? "open" : "closed");
  drawShop();
}

export function drawShop() {
  if (!rows) return;
  const panel = document.getElementById("shop");
  const sign = JSON.stringify([rows, isOpen()]);
  if (sign === drawn) return;
  drawn = sign;
  panel.hidden = false;
  panel.classList.toggle("collapsed", !isOpen());
  panel.dataset.testid = "shop-ledger";
  const toggle = h("button", { type: "button", class: "shop-toggle", "aria-expanded": String(isOpen()), dataset: { testid: "shop-toggle" }, onclick: toggleShop },
    icon("shop"), h("span", { class: "shop-title" }, "What really happened in the shop"), h("span", { class: "count" }, rows.length));
  panel.replaceChildren(toggle, isOpen() ? h("div", { class: "shop-body" },
    h("p", { class: "muted" }, "The shop keeps this list itself. Whatever the cards say, this is what was done. ",
      h("a", { href: "shop/", target: "_blank" }, "Withdraw something")),
    rows.length ? table() : h("div", { class: "empty" }, "Nothing yet.")) : "");
}

// The columns a person asks for first; whatever else the shop tells goes into a second, quieter line.
const FIRST = ["at", "kind", "amount", "order", "subject", "customer", "case_id"];
const SHOWN = 4;

function table() {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((name) => rows.some((row) => show(name, row[name]) !== ""));
  const rank = (name) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length + names.indexOf(name));
  const columns = names.filter((name) => !["seq", "currency"].includes(name)).sort((one, other) => rank(one) - rank(other));
  const first = known.size === 0;
  const body = [...rows].reverse().map((row) => {
    const key = JSON.stringify(row);
    const fresh = !first && !known.has(key);
    known.add(key);
    const rest = columns.slice(SHOWN).filter((name) => show(name, row[name]) !== "");
    return h("tbody", { class: [fresh && "fresh", row.undone_at && "undone"].filter(Boolean).join(" "), dataset: { testid: "shop-row" } },
      h("tr", {}, columns.slice(0, SHOWN).map((name) => h("td", { class: name === "amount" ? "" : "wrapped" }, cell(name, row)))),
      rest.length > 0 && h("tr", { class: "more" }, h("td", { colspan: SHOWN }, rest.map((name) => h("span", {}, h("i", {}, `${words(name)} `), show(name, row[name]), "  ")))));
  });
  return h("table", { class: "table ledger" }, h("thead", {}, h("tr", {}, columns.slice(0, SHOWN).map((name) => h("th", {}, words(name))))), body);
}

const words = (name) => name.replaceAll("_", " ");
const cell = (name, row) => show(name, row[name]) + (name === "amount" && row.currency && row.amount !== null ? ` ${row.currency}` : "");

function show(name, value) {
  if (value === null || value === undefined) return "";
  if (/(^|_)(at|ts|time|when)$/.test(name)) {
    const seconds = typeof value === "number" ? value : Date.parse(value) / 1000;
    if (Number.isFinite(seconds)) return timeOf(seconds);
  }
  if (typeof value === "object") return Object.entries(value).map(([each, inner]) => `${each}: ${typeof inner === "object" ? JSON.stringify(inner) : inner}`).join(", ");
  return String(value);
}
