// What the demo may mount beside the local Slack: the shop's ledger, and a menu of requests to start.

import { api, failed, sentence } from "./api.js";
import { h, icon } from "./dom.js";
import { timeOf } from "./dates.js";
import { toast } from "./feedback.js";
import { menu } from "./menus.js";
import { emit } from "./store.js";

const EVERY = 3000;
let cases = [];
let rows = null;
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
  toast(failed(answer) ? sentence(answer.error) : `The agent has started: ${each.title ?? each.case}`, failed(answer) ? "warning" : "done");
  emit("refresh");
}

async function refreshShop() {
  const answer = await api.get("/shop/ledger");
  const list = Array.isArray(answer) ? answer : Object.values(answer ?? {}).find(Array.isArray);
  rows = failed(answer) || !list ? rows : list.map((row) => (row && typeof row === "object" ? row : { entry: row }));
  if (rows) drawShop();
}

export function toggleShop(wanted = !open) {
  open = wanted;
  localStorage.setItem("shop", open ? "open" : "closed");
  drawn = "";
  drawShop();
}

function drawShop() {
  if (!rows) return;
  const panel = document.getElementById("shop");
  panel.hidden = false;
  panel.classList.toggle("collapsed", !open);
  panel.dataset.testid = "shop-ledger";
  const sign = JSON.stringify([rows, open]);
  if (sign === drawn) return;
  drawn = sign;
  const toggle = h("button", { type: "button", class: "shop-toggle", "aria-expanded": String(open), dataset: { testid: "shop-toggle" }, onclick: () => toggleShop() },
    icon("shop"), h("span", { class: "shop-title" }, "What really happened in the shop"), h("span", { class: "count" }, rows.length));
  panel.replaceChildren(toggle, open ? h("div", { class: "shop-body" },
    h("p", { class: "muted" }, "The shop keeps this list itself. Whatever the cards say, this is what was done."),
    rows.length ? table() : h("div", { class: "empty" }, "Nothing yet.")) : "");
}

function table() {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((column) => rows.some((row) => show(column, row[column]) !== ""));
  const first = known.size === 0;
  return h("table", { class: "table ledger" },
    h("thead", {}, h("tr", {}, columns.map((column) => h("th", {}, column.replaceAll("_", " "))))),
    h("tbody", {}, [...rows].reverse().map((row) => {
      const key = JSON.stringify(row);
      const fresh = !first && !known.has(key);
      known.add(key);
      return h("tr", { class: fresh ? "fresh" : "", dataset: { testid: "shop-row" } }, columns.map((column) => {
        const value = show(column, row[column]);
        return h("td", { title: value.length > 18 ? value : null }, value);
      }));
    })));
}

function show(column, value) {
  if (value === null || value === undefined) return "";
  if (/(^|_)(at|ts|time|when)$/.test(column)) {
    const seconds = typeof value === "number" ? value : Date.parse(value) / 1000;
    if (Number.isFinite(seconds)) return timeOf(seconds);
  }
  if (typeof value === "object") return Object.entries(value).map(([name, each]) => `${name}: ${typeof each === "object" ? JSON.stringify(each) : each}`).join(", ");
  return String(value);
}
