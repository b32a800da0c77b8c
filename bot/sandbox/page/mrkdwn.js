// Slack's mrkdwn and plain_text as DOM nodes: formatting, <…> tokens, dates, emoji. Data never becomes markup.

import { h, link, safeUrl } from "./dom.js";
import { dateNode } from "./dates.js";
import { emoji, literal, withEmoji } from "./emoji.js";
import { channelName, emit, groupName, state, userName } from "./store.js";

const STYLES = { "*": "strong", _: "em", "~": "s" };
const WORD = /[\p{L}\p{N}]/u;
const URL_AT = /https?:\/\/[^\s<>|"]+[^\s<>|".,;:!?)'\]]/y;
const EMOJI_AT = /:([a-z0-9_+'-]+):/y;
const EMPTY_DATE = "<!date^";

export const unescape = (text) => text.replace(/&(amp|lt|gt);/g, (_, name) => ({ amp: "&", lt: "<", gt: ">" })[name]);

export function plain(object) {
  if (!object) return [];
  if (typeof object === "string") return withEmoji(object);
  return object.emoji === false ? literal(object.text ?? "") : withEmoji(object.text ?? "");
}

export function text(object) {
  if (!object) return [];
  return object.type === "mrkdwn" ? mrkdwn(object.text, { verbatim: object.verbatim }) : multiline(plain(object));
}

function multiline(nodes) {
  return nodes.flat().flatMap((node) =>
    typeof node === "string" ? node.split("\n").flatMap((part, index) => (index ? [h("br"), part] : [part])) : [node]);
}

export function mrkdwn(source, options = {}) {
  return String(source ?? "").split(/```([\s\S]+?)```/).flatMap((part, index) =>
    index % 2 ? [h("pre", { class: "pre" }, bare(part.replace(/^\n|\n$/g, "")))] : quoted(index ? part.replace(/^\n/, "") : part, options));
}

function quoted(source, options) {
  const nodes = [];
  let plainLines = [];
  let quoteLines = [];
  const flush = () => {
    if (quoteLines.length) nodes.push(h("blockquote", {}, inline(quoteLines.join("\n"), options)));
    if (plainLines.length) nodes.push(...inline(plainLines.join("\n"), options));
    quoteLines = [];
    plainLines = [];
  };
  for (const each of source.split("\n")) {
    const mark = /^(&gt;|>)(?!&gt;)\s?/.exec(each);
    if (mark) {
      if (plainLines.length) flush();
      quoteLines.push(each.slice(mark[0].length));
    } else {
      if (quoteLines.length) flush();
      plainLines.push(each);
    }
  }
  flush();
  return nodes;
}

function inline(source, options) {
  const nodes = [];
  let buffer = "";
  const push = (node, next) => {
    if (buffer) nodes.push(...literal(unescape(buffer)));
    buffer = "";
    nodes.push(node);
    return next;
  };
  let at = 0;
  while (at < source.length) {
    const char = source[at];
    const found = special(source, at, char, options);
    if (found) at = push(found.node, found.next);
    else {
      buffer += char;
      at += 1;
    }
  }
  if (buffer) nodes.push(...literal(unescape(buffer)));
  return nodes;
}

function special(source, at, char, options) {
  if (char === "\n") return { node: h("br"), next: at + 1 };
  if (char === "`") return code(source, at);
  if (char === "<") return angled(source, at);
  if (char === ":") return named(source, at);
  if (STYLES[char]) return styled(source, at, char, options);
  if (char === "h" && !options.verbatim && !WORD.test(source[at - 1] ?? " ")) return autolink(source, at);
  return null;
}

function code(source, at) {
  const end = source.indexOf("`", at + 1);
  const inside = source.slice(at + 1, end);
  if (end < 0 || !inside.trim() || inside.includes("\n")) return null;
  return { node: h("code", {}, bare(inside)), next: end + 1 };
}

function named(source, at) {
  EMOJI_AT.lastIndex = at;
  const match = EMOJI_AT.exec(source);
  const node = match && emoji(match[1]);
  return node ? { node, next: at + match[0].length } : null;
}

function autolink(source, at) {
  URL_AT.lastIndex = at;
  const match = URL_AT.exec(source);
  return match ? { node: link(unescape(match[0]), unescape(match[0])), next: at + match[0].length } : null;
}

function styled(source, at, char, options) {
  if (WORD.test(source[at - 1] ?? " ") || /[\s]/.test(source[at + 1] ?? " ") || source[at + 1] === char) return null;
  let end = at + 1;
  for (; end < source.length && source[end] !== "\n"; end += 1) {
    if (source[end] === "`") end = code(source, end)?.next - 1 || end;
    else if (source[end] === "<") end = angled(source, end)?.next - 1 || end;
    else if (source[end] === char && !/\s/.test(source[end - 1]) && !WORD.test(source[end + 1] ?? " ")) {
      return { node: h(STYLES[char], {}, inline(source.slice(at + 1, end), options)), next: end + 1 };
    }
  }
  return null;
}

function angled(source, at) {
  const end = source.indexOf(">", at);
  if (end < 0) return null;
  const inside = source.slice(at + 1, end);
  if (!inside || inside.includes("<")) return null;
  return { node: token(inside), next: end + 1 };
}

function token(inside) {
  const bar = inside.indexOf("|");
  const target = bar < 0 ? inside : inside.slice(0, bar);
  const label = bar < 0 ? "" : unescape(inside.slice(bar + 1));
  if (target.startsWith("@")) return mention(target.slice(1), label);
  if (target.startsWith("#")) return channelLink(target.slice(1), label);
  if (target.startsWith(EMPTY_DATE.slice(1))) return date(target, label);
  if (target.startsWith("!subteam^")) return groupMention(target.slice(9), label);
  if (target.startsWith("!")) return /^!(here|channel|everyone)$/.test(target) ? broadcast(target.slice(1)) : h("span", {}, label || `<${inside}>`);
  const url = unescape(target);
  if (!/^[a-z][a-z0-9+.-]*:/i.test(url) || !safeUrl(url)) return h("span", {}, unescape(`<${inside}>`));
  return link(url, label ? literal(label) : url);
}

function date(target, fallback) {
  const [, unix, format, url] = target.split("^");
  const node = dateNode(unix, format ?? "", fallback);
  return url ? link(url, node) : node;
}

// Inside code nothing is formatted, but a link token still shows its label or address.
const bare = (source) => unescape(source.replace(/<(?:https?:|mailto:)[^<>|]+\|([^<>]+)>|<((?:https?:|mailto:)[^<>|]+)>/g, "$1$2"));

export function mention(id, label) {
  const me = id === state.me;
  return h("span", { class: me ? "mention mention-me" : "mention", dataset: { user: id } }, `@${state.users.has(id) || !label ? userName(id) : label.replace(/^@/, "")}`);
}

export function groupMention(id, label) {
  return h("span", { class: "mention" }, label || `@${(groupName(id) ?? id).replace(/^@/, "")}`);
}

export function broadcast(range) {
  return h("span", { class: "mention mention-me" }, `@${range}`);
}

export function channelLink(id, label) {
  const open = (event) => {
    event.preventDefault();
    emit("open-channel", id);
  };
  return h("a", { href: `#user=${state.me}&channel=${id}`, class: "mention", onclick: open }, `#${label || channelName(id)}`);
}
