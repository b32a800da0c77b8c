// Where a person types: messages, and slash commands (which Slack does not take in threads).

import { api, failed, sentence } from "./api.js";
import { runShortcut } from "./actions.js";
import { h, iconButton } from "./dom.js";
import { toast } from "./feedback.js";
import { menu } from "./menus.js";
import { channelName, emit, people, state } from "./store.js";

const drafts = new Map();

export function composer({ thread = null, placeholder, disabled = null }) {
  if (disabled) return h("div", { class: "composer composer-off" }, disabled);
  const key = `${state.me} ${state.channel} ${thread}`;
  const field = h("textarea", {
    class: "composer-field", rows: 1, placeholder, "aria-label": placeholder, value: drafts.get(key) ?? "", dataset: { testid: thread ? "thread-composer" : "composer" },
  });
  const send = iconButton("send", "Send", submit, { class: "icon-button send", disabled: true, dataset: { testid: thread ? "thread-send" : "send" } });
  field.addEventListener("input", resize);
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  const global = state.shortcuts.filter((shortcut) => shortcut.type === "global");
  const shortcuts = !thread && global.length > 0 && menu(iconButton("bolt", "Shortcuts", null, { "aria-haspopup": "menu" }),
    global.map((shortcut) => ({ text: shortcut.name, hint: state.app.name, value: shortcut.callback_id, pick: () => runShortcut(shortcut) })));
  const node = h("div", { class: "composer" }, shortcuts, field, send);
  requestAnimationFrame(resize);
  return node;

  function resize() {
    drafts.set(key, field.value);
    send.disabled = !field.value.trim();
    node.classList.toggle("is-command", isCommand(field.value));
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight, 200)}px`;
  }

  async function submit() {
    const text = field.value.trim();
    if (!text) return;
    const channel = state.channel;
    const word = text.split(/\s/)[0];
    if (isCommand(text) && thread) return toast(`${word} is not supported in threads. Sorry!`);
    field.value = "";
    resize();
    const answer = isCommand(text)
      ? await api.command(state.me, { channel, text })
      : await api.send(state.me, { channel, text: encode(text), ...(thread ? { thread_ts: thread } : {}) });
    if (failed(answer)) {
      toast(isCommand(text) ? explain(word, answer) : sentence(answer));
      if (!field.value) field.value = text;
      resize();
    }
    emit("sent", thread);
    emit("refresh");
  }
}

const isCommand = (text) => /^\/[\w-]+(\s|$)/.test(text.trimStart());

function explain(word, answer) {
  if (answer.error !== "unknown_command") return `${word}: ${sentence(answer)}`;
  return `${word} is not a valid command.${state.commands.length ? ` Here you can use ${state.commands.join(", ")}.` : ""}`;
}

// As Slack's own client does: control characters are escaped, @names and #channels become ids.
function encode(text) {
  return text
    .replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replace(/(^|\s)@([\w.-]+)/g, (whole, space, name) => {
      if (["here", "channel", "everyone"].includes(name)) return `${space}<!${name}>`;
      const found = people().find((person) => person.name === name.toLowerCase()) ?? (name.toLowerCase() === state.app.name?.toLowerCase() ? { id: state.app.bot_user_id } : null);
      return found ? `${space}<@${found.id}>` : whole;
    })
    .replace(/(^|\s)#([\w-]+)/g, (whole, space, name) => {
      const found = [...state.channels.keys()].find((id) => channelName(id) === name);
      return found ? `${space}<#${found}|${name}>` : whole;
    });
}
