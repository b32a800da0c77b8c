// The list of messages in a channel or thread. Nodes are kept while their message is unchanged, so nothing flickers.

import { attachment, renderBlocks } from "./blocks.js";
import { contextFor, runShortcut } from "./actions.js";
import { h, icon, iconButton, isLocal } from "./dom.js";
import { dayOf, fullTimeOf, timeOf } from "./dates.js";
import { menu } from "./menus.js";
import { mrkdwn } from "./mrkdwn.js";
import { colorOf, emit, state, user, userName } from "./store.js";

const GROUP_SECONDS = 300;

export function avatar(id, size = "") {
  const isApp = id === state.app.bot_user_id;
  const initials = userName(id).split(/[\s._-]+/).map((word) => word[0]).join("").slice(0, 2).toUpperCase();
  const node = h("span", { class: `avatar ${size} ${isApp ? "avatar-app" : ""}`, "aria-hidden": "true" }, isApp ? icon("bolt") : initials);
  if (!isApp) node.style.background = colorOf(id);
  return node;
}

export class MessageList {
  #drawn = new Map();

  constructor({ inThread = false } = {}) {
    this.inThread = inThread;
    this.stuck = true;
    this.node = h("div", { class: "messages", role: "log", "aria-label": inThread ? "Replies" : "Messages", tabindex: "0" });
    this.node.addEventListener("scroll", () => { this.stuck = this.#atEnd(); });
    // A pane that changes its size keeps showing its end, if that is where the person was.
    new ResizeObserver(() => this.stuck && this.toEnd()).observe(this.node);
  }

  clear() {
    this.#drawn.clear();
    this.node.replaceChildren();
  }

  show(messages, channel, intro) {
    const atEnd = this.#atEnd();
    const first = !this.#drawn.size;
    const kept = new Map();
    const nodes = intro ? [intro] : [];
    let before = null;
    for (const message of messages) {
      if (before === null || dayOf(before.ts) !== dayOf(message.ts)) {
        if (!this.inThread) nodes.push(divider(dayOf(message.ts)));
        before = null;
      }
      const grouped = follows(before, message);
      const sign = JSON.stringify([message, grouped, state.me]);
      const old = this.#drawn.get(message.ts);
      const node = old?.sign === sign ? old.node : messageNode(message, { channel, grouped, inThread: this.inThread });
      if (!old && !first) node.classList.add("fresh");
      else if (old && old.node !== node) node.classList.add("changed");
      kept.set(message.ts, { sign, node });
      nodes.push(node);
      if (this.inThread && message === messages[0] && messages.length > 1) nodes.push(divider(`${messages.length - 1} ${messages.length === 2 ? "reply" : "replies"}`));
      before = message;
    }
    const gained = [...kept.keys()].some((ts) => !this.#drawn.has(ts));
    this.#drawn = kept;
    reconcile(this.node, nodes);
    if (first || (atEnd && gained) || atEnd) this.toEnd();
    else if (gained) emit("below", this);
  }

  toEnd() {
    this.node.scrollTop = this.node.scrollHeight;
  }

  #atEnd() {
    return this.node.scrollHeight - this.node.scrollTop - this.node.clientHeight < 90;
  }
}

// One message; `grouped`: it follows its author's last one and needs no heading.
export function messageNode(message, { channel, grouped = false, inThread = false } = {}) {
  const props = {
    class: `message ${grouped ? "grouped" : ""} ${message.ephemeral ? "ephemeral" : ""}`,
    dataset: { testid: inThread ? `reply-${message.ts}` : `message-${message.ts}`, ts: message.ts },
  };
  return h("article", { ...props, "aria-label": `${author(message)}, ${timeOf(message.ts)}` },
    h("div", { class: "gutter" }, grouped ? h("time", { class: "small-time" }, timeOf(message.ts)) : avatar(message.user ?? message.bot_id)),
    h("div", { class: "message-main" },
      message.ephemeral && h("div", { class: "only-you" }, icon("eye"), "Only visible to you"),
      !grouped && heading(message),
      content(message, channel),
      !inThread && message.reply_count > 0 && replies(message)),
    tools(message, inThread));
}

function tools(message, inThread) {
  if (message.ephemeral) return null;
  const shortcuts = state.shortcuts.filter((shortcut) => shortcut.type === "message" || shortcut.type === "message_action");
  const more = shortcuts.length > 0 && menu(iconButton("more", "More actions: app shortcuts", null, { "aria-haspopup": "menu" }),
    shortcuts.map((shortcut) => ({ text: shortcut.name, hint: state.app.name, value: shortcut.callback_id, pick: () => runShortcut(shortcut, message) })));
  const reply = !inThread && iconButton("thread", "Reply in thread", () => emit("open-thread", message.thread_ts ?? message.ts));
  return (reply || more) && h("div", { class: "tools", role: "toolbar", "aria-label": "Message actions" }, reply, more);
}

const author = (message) => message.username || userName(message.user);

function heading(message) {
  const who = user(message.user);
  return h("div", { class: "heading" },
    h("span", { class: "author" }, author(message)),
    (message.bot || who?.kind === "bot") && h("span", { class: "tag" }, "APP"),
    who && !["member", "bot"].includes(who.kind) && h("span", { class: "tag tag-plain" }, who.kind.replaceAll("_", " ")),
    h("time", { class: "time", title: fullTimeOf(message.ts) }, timeOf(message.ts)));
}

function content(message, channel) {
  const body = h("div", { class: "content" });
  if (message.blocks?.length) {
    const ctx = contextFor(`${state.me}:${channel}:${message.ts}`, { channel, message_ts: message.ts }, message.blocks);
    const card = message.blocks.some((block) => block.type === "actions" || block.accessory);
    body.append(h("div", { class: card ? "blocks card" : "blocks" }, renderBlocks(message.blocks, ctx)));
  } else if (message.text) body.append(h("div", { class: "text" }, mrkdwn(message.text)));
  for (const item of message.attachments ?? []) {
    body.append(attachment(item, contextFor(`${state.me}:${channel}:${message.ts}`, { channel, message_ts: message.ts }, item.blocks)));
  }
  for (const each of message.files ?? []) body.append(file(each));
  if (message.edited && !message.bot) body.append(h("span", { class: "muted edited" }, "(edited)"));
  return body;
}

function file(each) {
  const name = each.title ?? each.name ?? each.id;
  if (!isLocal(each.url_private ?? "x:")) return h("div", { class: "file" }, name);
  const path = new URL(each.url_private, location.href).pathname;
  const box = h("a", { class: "file", href: path, download: each.name }, name);
  if (/\.(png|jpe?g|gif|webp)$/i.test(each.name ?? "")) box.prepend(h("img", { src: path, alt: name, onerror: (event) => event.target.remove() }));
  return box;
}

function replies(message) {
  const count = `${message.reply_count} ${message.reply_count === 1 ? "reply" : "replies"}`;
  return h("button", { type: "button", class: "replies", onclick: () => emit("open-thread", message.ts) }, icon("thread"), count, h("span", { class: "muted" }, "View thread"));
}

function follows(before, message) {
  return Boolean(before) && before.user === message.user && before.username === message.username && !before.ephemeral && !message.ephemeral
    && !message.blocks?.some((block) => block.type === "header") && Number(message.ts) - Number(before.ts) < GROUP_SECONDS && !before.reply_count;
}

const divider = (label) => h("div", { class: "day", role: "separator" }, h("span", {}, label));

function reconcile(parent, wanted) {
  const keep = new Set(wanted);
  for (const child of [...parent.childNodes]) if (!keep.has(child)) child.remove();
  wanted.forEach((node, index) => {
    if (parent.childNodes[index] !== node) parent.insertBefore(node, parent.childNodes[index] ?? null);
  });
}
