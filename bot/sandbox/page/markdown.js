// The `markdown` block: headings, lists, quotes, fences, tables, emphasis, links. Raw HTML stays text.

import { h, link } from "./dom.js";
import { withEmoji } from "./emoji.js";

const INLINE = /(`+)([^`]+?)\1|\*\*([^\n]+?)\*\*|__([^\n]+?)__|~~([^\n]+?)~~|\*([^\s*][^\n*]*?)\*|\b_([^\s_][^\n_]*?)_\b|!?\[([^\]\n]*)\]\(([^)\s]+)\)|\\([\\`*_{}[\]()#+\-.!~>|])/;

export function markdown(source) {
  return h("div", { class: "markdown" }, blocks(String(source ?? "").split(/\r?\n/)));
}

function blocks(lines) {
  const nodes = [];
  let at = 0;
  const take = (test) => {
    const start = at;
    while (at < lines.length && test(lines[at])) at += 1;
    return lines.slice(start, at);
  };
  while (at < lines.length) {
    const current = lines[at];
    const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(current);
    if (!current.trim()) at += 1;
    else if (/^\s*```/.test(current)) {
      at += 1;
      nodes.push(h("pre", { class: "pre" }, take((each) => !/^\s*```/.test(each)).join("\n")));
      at += 1;
    } else if (heading) {
      nodes.push(h(`h${Math.min(heading[1].length + 2, 6)}`, {}, inline(heading[2])));
      at += 1;
    } else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(current)) {
      nodes.push(h("hr"));
      at += 1;
    } else if (/^\s*>/.test(current)) {
      nodes.push(h("blockquote", {}, blocks(take((each) => /^\s*>/.test(each)).map((each) => each.replace(/^\s*>\s?/, "")))));
    } else if (isItem(current)) nodes.push(list(take((each) => (isItem(each) && isOrdered(each) === isOrdered(current)) || /^\s{2,}\S/.test(each))));
    else if (current.includes("|") && /^\s*\|?\s*:?-{2,}/.test(lines[at + 1] ?? "")) nodes.push(table(take((each) => each.includes("|"))));
    else nodes.push(h("p", {}, broken(take((each) => each.trim() && !starts(each)) || [current])));
    if (nodes.at(-1)?.matches?.("p") && !nodes.at(-1).childNodes.length) {
      nodes.pop();
      nodes.push(h("p", {}, inline(lines[at])));
      at += 1;
    }
  }
  return nodes;
}

const isItem = (line) => /^\s*([-*+]|\d+[.)])\s+/.test(line);
const isOrdered = (line) => /^\s*\d/.test(line);
const starts = (line) => isItem(line) || /^(#{1,6}\s|\s*>|\s*```)/.test(line);
const broken = (lines) => lines.flatMap((each, index) => (index ? [h("br"), ...inline(each)] : inline(each)));

function list(lines) {
  const first = /^(\s*)([-*+]|\d+[.)])\s+/.exec(lines[0]);
  const ordered = /\d/.test(first[2]);
  const items = [];
  for (const each of lines) {
    const mark = /^(\s*)([-*+]|\d+[.)])\s+(.*)$/.exec(each);
    if (mark && mark[1].length <= first[1].length) items.push({ text: mark[3], rest: [] });
    else items.at(-1).rest.push(each);
  }
  return h(ordered ? "ol" : "ul", { start: ordered ? parseInt(first[2], 10) : null }, items.map(item));
}

function item({ text, rest }) {
  const task = /^\[([ xX])\]\s+(.*)$/.exec(text);
  const nested = rest.length ? (isItem(rest[0]) ? list(rest) : broken(rest.map((each) => each.trim()))) : null;
  if (!task) return h("li", {}, inline(text), nested);
  return h("li", { class: "task" }, h("input", { type: "checkbox", disabled: true, checked: task[1] !== " ", "aria-label": task[2] }), " ", inline(task[2]), nested);
}

function table(lines) {
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
  const [head, , ...rows] = lines;
  return h("div", { class: "table-wrap" }, h("table", { class: "table" },
    h("thead", {}, h("tr", {}, cells(head).map((cell) => h("th", {}, inline(cell))))),
    h("tbody", {}, rows.map((row) => h("tr", {}, cells(row).map((cell) => h("td", {}, inline(cell))))))));
}

function inline(source) {
  const nodes = [];
  let rest = source;
  while (rest) {
    const match = INLINE.exec(rest);
    if (!match) return [...nodes, ...withEmoji(rest)];
    if (match.index) nodes.push(...withEmoji(rest.slice(0, match.index)));
    nodes.push(piece(match));
    rest = rest.slice(match.index + match[0].length);
  }
  return nodes;
}

function piece([whole, , code, bold, bold2, strike, italic, italic2, label, url, escaped]) {
  if (code !== undefined) return h("code", {}, code);
  if (bold ?? bold2) return h("strong", {}, inline(bold ?? bold2));
  if (strike) return h("s", {}, inline(strike));
  if (italic ?? italic2) return h("em", {}, inline(italic ?? italic2));
  if (url) return link(url, inline(label || url));
  return escaped ?? whole;
}
