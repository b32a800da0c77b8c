// rich_text blocks: sections, lists, quotes, preformatted. Text elements are shown literally.

import { h, link } from "./dom.js";
import { dateNode } from "./dates.js";
import { emoji, literal } from "./emoji.js";
import { broadcast, channelLink, groupMention, mention } from "./mrkdwn.js";

const STYLE_TAGS = { bold: "strong", italic: "em", strike: "s", code: "code", underline: "u", highlight: "mark", client_highlight: "mark" };

export function richText(block) {
  return h("div", { class: "rich-text" }, (block.elements ?? []).map(part));
}

function part(element) {
  switch (element.type) {
    case "rich_text_section": return h("div", { class: "rich-section" }, inlines(element));
    case "rich_text_list": return list(element);
    case "rich_text_quote": return h("blockquote", {}, inlines(element));
    case "rich_text_preformatted": return h("pre", { class: "pre" }, inlines(element));
    default: return h("div", { class: "unsupported" }, `unsupported rich text: ${element.type}`);
  }
}

function list(element) {
  const ordered = element.style === "ordered";
  const indent = Number(element.indent ?? 0);
  const props = { class: `rich-list indent-${Math.min(indent, 6)}${element.border ? " bordered" : ""}` };
  if (ordered && element.offset) props.start = Number(element.offset) + 1;
  return h(ordered ? "ol" : "ul", props, (element.elements ?? []).map((item) => h("li", {}, item.type === "rich_text_section" ? inlines(item) : part(item))));
}

const inlines = (element) => (element.elements ?? []).map((item) => styled(item.style, inline(item)));

function lines(text) {
  return String(text ?? "").split("\n").flatMap((each, index) => (index ? [h("br"), ...literal(each)] : literal(each)));
}

function inline(item) {
  switch (item.type) {
    case "text": return lines(item.text);
    case "link": return link(item.url, literal(item.text || item.url));
    case "user": return mention(item.user_id);
    case "usergroup": return groupMention(item.usergroup_id);
    case "channel": return channelLink(item.channel_id);
    case "broadcast": return broadcast(item.range);
    case "emoji": return emoji(item.name) ?? (item.unicode ? fromCodes(item.unicode) : `:${item.name}:`);
    case "date": return dated(item);
    case "color": return color(item.value);
    default: return h("span", { class: "unsupported" }, `unsupported element: ${item.type}`);
  }
}

function color(value) {
  const swatch = h("i");
  if (/^#[0-9a-f]{3,8}$/i.test(value)) swatch.style.background = value;
  return h("span", { class: "color-chip" }, swatch, value);
}

function dated(item) {
  const node = dateNode(item.timestamp, item.format, item.fallback);
  return item.url ? link(item.url, node) : node;
}

function fromCodes(codes) {
  try {
    return String.fromCodePoint(...codes.split("-").map((code) => parseInt(code, 16)));
  } catch {
    return "";
  }
}

function styled(style, content) {
  return Object.entries(style ?? {}).reduce((inner, [name, wanted]) => (wanted && STYLE_TAGS[name] ? h(STYLE_TAGS[name], {}, inner) : inner), content);
}
