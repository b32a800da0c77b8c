// The left side: channels, direct messages, apps, with what is unread.

import { fill, h, icon } from "./dom.js";
import { demoMenu } from "./extras.js";
import { avatar } from "./messages.js";
import { conversation, emit, isAppDm, state, userName } from "./store.js";

const body = h("div");
let seen = new Map();
let drawn = "";

// The part that stays: redrawing it would close its menu under the person's hand.
export function drawSidebarHead() {
  fill(document.getElementById("sidebar"),
    h("div", { class: "workspace" }, h("strong", {}, state.team.name), h("span", { class: "muted" }, "a local Slack, only on this computer")),
    demoMenu(), body);
}

export function drawSidebar() {
  const lists = {
    Channels: state.conversations.filter((item) => item.kind !== "im" && !item.archived && item.member !== false),
    "Direct messages": state.conversations.filter((item) => item.kind === "im" && !isAppDm(item)),
    Apps: state.conversations.filter(isAppDm),
    "Not a member": state.conversations.filter((item) => item.member === false && !item.archived),
    Archived: state.conversations.filter((item) => item.archived),
  };
  const sign = JSON.stringify([state.me, state.channel, lists, [...state.users.keys()]]);
  if (sign === drawn) return;
  drawn = sign;
  const focused = document.activeElement?.dataset?.testid;
  const items = (title, list) => h("section", {}, h("h2", { class: "sidebar-title" }, title), h("ul", {}, list.map((item) => h("li", {}, row(item)))));
  fill(body, Object.entries(lists).filter(([, list]) => list.length).map(([title, list]) => items(title, list)));
  if (focused) body.querySelector(`[data-testid="${CSS.escape(focused)}"]`)?.focus();
  seen = new Map(state.conversations.map((item) => [`${state.me} ${item.id}`, item.unread]));
  showTitle();
}

function face(item) {
  if (item.kind === "im") return avatar(item.user ?? item.id, "avatar-tiny");
  return icon(item.kind === "private" ? "lock" : "hash");
}

export const titleOf = (item) => {
  if (isAppDm(item)) return state.app.name;
  return item.kind === "im" ? userName(item.user) : item.name;
};

function row(item) {
  const key = `${state.me} ${item.id}`;
  const grew = seen.has(key) && item.unread > seen.get(key);
  const unread = item.unread > 0 && item.member !== false;
  return h("button", {
    type: "button", class: `conversation ${item.member === false || item.archived ? "dim" : ""} ${unread ? "unread" : ""} ${grew ? "grew" : ""}`, "aria-current": item.id === state.channel ? "page" : null,
    "aria-label": `${item.kind === "im" ? "" : "Channel "}${titleOf(item)}${unread ? `, ${item.unread} unread` : ""}`,
    dataset: { testid: `conversation-${item.id}`, unread: item.unread ?? 0 },
    onclick: () => emit("open-channel", item.id),
  }, face(item), h("span", { class: "conversation-name" }, titleOf(item)), isAppDm(item) && h("span", { class: "tag" }, "APP"),
  unread && h("span", { class: "badge", dataset: { testid: `unread-${item.id}` } }, item.unread > 99 ? "99+" : item.unread));
}

function showTitle() {
  const unread = state.conversations.reduce((sum, item) => sum + (item.member === false ? 0 : item.unread || 0), 0);
  const here = conversation(state.channel);
  document.title = `${unread ? `(${unread}) ` : ""}${here ? `${here.kind === "im" ? "" : "#"}${titleOf(here)} · ` : ""}${state.team.name}`;
}
