// The middle and the thread: header, message list or Home tab, composer.

import { api, failed, sentence } from "./api.js";
import { renderBlocks } from "./blocks.js";
import { contextFor } from "./actions.js";
import { composer } from "./composer.js";
import { h, icon, iconButton } from "./dom.js";
import { MessageList, avatar } from "./messages.js";
import { titleOf } from "./sidebar.js";
import { conversation, emit, isAppDm, on, state } from "./store.js";

const list = new MessageList();
const threadList = new MessageList({ inThread: true });
const below = h("button", { type: "button", class: "below", hidden: true, onclick: () => list.toEnd() }, "New messages", icon("down"));
let drawnPane = "";
let drawnThread = "";
let drawnHome = "";

on("below", (which) => { if (which === list) below.hidden = false; });
list.node.addEventListener("scroll", () => { below.hidden = true; });

export function drawPane() {
  const item = conversation(state.channel);
  const sign = JSON.stringify([state.me, item && [item.id, item.name, item.archived, item.member], state.tab]);
  if (sign === drawnPane) return;
  drawnPane = sign;
  drawnHome = "";
  list.clear();
  below.hidden = true;
  const main = document.getElementById("main");
  if (!item) return main.replaceChildren(h("div", { class: "empty" }, "This account sees no conversation."));
  const home = isAppDm(item) && state.tab === "home";
  main.replaceChildren(
    header(item),
    ...(home ? [h("div", { class: "home", id: "home", role: "tabpanel" })]
      : [h("div", { class: "scroll" }, list.node, below), composer({
        placeholder: isAppDm(item) ? `Message ${state.app.name}` : item.kind === "im" ? `Message ${titleOf(item)}` : `Message #${item.name}${commandHint()}`,
        disabled: closedFor(item),
      })]));
}

function closedFor(item) {
  if (item.archived) return "This channel is archived. Nothing can be sent here.";
  return item.member === false ? "You can read this channel, but you are not a member of it." : null;
}

const commandHint = () => (innerWidth < 760 || !state.commands.length ? "" : ` – or type a command: ${state.commands.join(", ")}`);

function header(item) {
  const app = isAppDm(item);
  const face = item.kind === "im" ? avatar(item.user, "avatar-small") : icon(item.kind === "private" ? "lock" : "hash");
  const topic = state.channels.get(item.id)?.topic;
  const tab = (name, label) => h("button", {
    type: "button", role: "tab", class: "tab", "aria-selected": String(state.tab === name), dataset: { testid: `${name}-tab` }, onclick: () => emit("open-tab", name),
  }, label);
  return h("header", { class: "pane-header" },
    h("h1", {}, face, h("span", {}, titleOf(item)), item.archived && h("span", { class: "tag tag-plain" }, "archived"), item.ext_shared && h("span", { class: "tag tag-plain" }, "shared with another organisation"), app && h("span", { class: "tag" }, "APP")),
    topic && h("span", { class: "topic" }, typeof topic === "string" ? topic : topic.value),
    app && h("div", { class: "tabs", role: "tablist", "aria-label": state.app.name }, tab("home", "Home"), tab("messages", "Messages")));
}

// An answer for a place that is no longer shown is dropped.
async function current(promise) {
  const place = JSON.stringify([state.me, state.channel, state.thread, state.tab]);
  const answer = await promise;
  return place === JSON.stringify([state.me, state.channel, state.thread, state.tab]) ? answer : undefined;
}

export async function refreshMessages() {
  const item = conversation(state.channel);
  if (!item) return;
  if (isAppDm(item) && state.tab === "home") return refreshHome();
  const messages = await current(api.messages(state.me, state.channel));
  if (messages === undefined) return;
  if (!Array.isArray(messages)) {
    list.clear();
    list.node.append(h("div", { class: "empty" }, sentence(messages)));
    return;
  }
  list.show(messages, state.channel, intro(item, messages));
}

let introNode = { key: "", node: null };
function intro(item, messages) {
  const key = `${item.id} ${messages.length === 0}`;
  if (introNode.key === key) return introNode.node;
  const words = item.kind === "im" ? `This is the very beginning of your direct messages with ${titleOf(item)}.` : `This is the very beginning of #${item.name}.`;
  introNode = { key, node: h("div", { class: "intro" }, h("div", {}, h("strong", {}, titleOf(item))), h("div", { class: "muted" }, words)) };
  return introNode.node;
}

async function refreshHome() {
  const answer = await current(api.home(state.me));
  const host = document.getElementById("home");
  if (answer === undefined || !host) return;
  const view = answer?.view ?? null;
  const sign = JSON.stringify([view?.id, view?.blocks]);
  if (sign === drawnHome) return;
  drawnHome = sign;
  if (!view) {
    host.replaceChildren(h("div", { class: "empty" }, failed(answer) ? sentence(answer) : `${state.app.name} has not published a Home tab for you yet.`));
    return;
  }
  const scroll = host.scrollTop;
  host.replaceChildren(h("div", { class: "home-inner", dataset: { testid: "home-view" } }, renderBlocks(view.blocks, contextFor(view.id, { view_id: view.id }, view.blocks))));
  host.scrollTop = scroll;
}

export function drawThread() {
  const aside = document.getElementById("thread");
  aside.hidden = !state.thread;
  const sign = state.thread ? JSON.stringify([state.me, state.channel, state.thread]) : "";
  if (sign === drawnThread) return;
  drawnThread = sign;
  threadList.clear();
  if (!state.thread) return aside.replaceChildren();
  const item = conversation(state.channel);
  aside.replaceChildren(
    h("header", { class: "pane-header" }, h("h1", {}, "Thread"), h("span", { class: "topic" }, item ? `${item.kind === "im" ? "" : "#"}${titleOf(item)}` : ""),
      iconButton("close", "Close thread", () => emit("open-thread", null), { class: "icon-button push", dataset: { testid: "thread-close" } })),
    h("div", { class: "scroll" }, threadList.node),
    composer({ thread: state.thread, placeholder: "Reply…", disabled: item && closedFor(item) }));
}

export async function refreshThread() {
  if (!state.thread) return;
  const messages = await current(api.messages(state.me, state.channel, state.thread));
  if (!Array.isArray(messages)) return;
  if (!messages.length) return emit("open-thread", null);
  threadList.show(messages, state.channel);
}

on("sent", (thread) => (thread ? threadList : list).toEnd());
