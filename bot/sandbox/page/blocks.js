// Block Kit blocks as DOM nodes. A block that isn't known is shown as a grey box, never dropped.

import { append, h, icon, isLocal } from "./dom.js";
import { element, image, mark } from "./elements.js";
import { problem } from "./inputs.js";
import { markdown } from "./markdown.js";
import { mrkdwn, plain, text } from "./mrkdwn.js";
import { richText } from "./richtext.js";

export function renderBlocks(blocks, ctx) {
  return (blocks ?? []).map((block) => {
    const build = BLOCKS[block.type];
    const node = build ? build(block, ctx) : h("div", { class: "unsupported" }, `unsupported block: ${block.type}`);
    node.classList.add("block", `block-${block.type}`);
    if (block.block_id) node.dataset.blockId = block.block_id;
    return node;
  });
}

const id = (block) => block.block_id ?? "";

function header(block) {
  return h(`h${Math.min(6, Math.max(2, Number(block.level ?? 1) + 2))}`, { class: "header-text" }, plain(block.text));
}

function section(block, ctx) {
  const body = h("div", { class: "section-body" },
    block.text && h("div", { class: "section-text" }, text(block.text)),
    block.fields && h("div", { class: "fields" }, block.fields.map((field) => h("div", { class: "field-cell" }, text(field)))));
  const accessory = block.accessory && h("div", { class: "accessory" },
    block.accessory.type === "image" ? image(block.accessory, "accessory-image") : element(block.accessory, id(block), ctx));
  return h("div", {}, body, accessory);
}

function context(block) {
  return h("div", {}, (block.elements ?? []).map((item) =>
    item.type === "image" ? image(item, "context-image") : h("span", { class: "context-text" }, text(item))));
}

function actions(block, ctx) {
  return h("div", {}, (block.elements ?? []).map((item) => element(item, id(block), ctx)));
}

function imageBlock(block) {
  const url = block.image_url ?? block.slack_file?.url;
  const title = block.title && h("figcaption", { class: "image-title" }, plain(block.title));
  if (url && isLocal(url)) return h("figure", {}, title, h("img", { src: url, alt: block.alt_text ?? "" }));
  return h("figure", {}, title, h("div", { class: "image-box", role: "img", "aria-label": block.alt_text },
    h("strong", {}, block.alt_text || "Image"), h("span", {}, "Not loaded: this page loads nothing from other hosts.")));
}

let inputNumber = 0;

function input(block, ctx) {
  const error = ctx.form.errors[id(block)];
  const labelId = `label-${(inputNumber += 1)}`;
  const control = element(block.element, id(block), ctx, Boolean(block.dispatch_action));
  const target = control.matches("input, textarea, select") ? control : control.querySelector("input.field, textarea.field, .multi") ?? control;
  target.setAttribute("aria-labelledby", labelId);
  target.removeAttribute("aria-label");
  if (!block.optional) target.setAttribute("aria-required", "true");
  if (error) {
    target.setAttribute("aria-invalid", "true");
    target.setAttribute("aria-describedby", `${labelId}-error`);
  } else if (block.hint) target.setAttribute("aria-describedby", `${labelId}-hint`);
  const focus = () => target.focus();
  return h("div", { class: error ? "has-error" : "" },
    h("div", { class: "input-label", id: labelId, onclick: focus }, plain(block.label),
      block.optional ? h("span", { class: "optional" }, " (optional)") : h("span", { class: "required", "aria-hidden": "true" }, " *")),
    control,
    h("div", { class: "field-error", id: `${labelId}-error`, role: "alert", dataset: { testid: "field-error", blockId: id(block) }, hidden: !error }, error ?? ""),
    block.hint && h("div", { class: "hint", id: `${labelId}-hint` }, plain(block.hint)));
}

// Errors found before the app is asked: block_id → text.
export function problems(blocks, form) {
  const found = {};
  for (const block of blocks ?? []) {
    if (block.type !== "input") continue;
    const text = problem(block, form.get(id(block), block.element.action_id));
    if (text) found[id(block)] = text;
  }
  return found;
}

function cell(data, tag, setting) {
  const align = ["left", "center", "right"].includes(setting?.align) ? `align-${setting.align}` : "";
  const content = data?.type === "rich_text" ? richText(data) : data?.text ?? data?.value ?? "";
  return h(tag, { class: `${align} ${setting?.is_wrapped ? "wrapped" : ""}` }, content);
}

function table(block) {
  const settings = block.column_settings ?? [];
  const row = (tag) => (cells) => h("tr", {}, cells.map((data, index) => cell(data, tag, settings[index])));
  const [head, ...rest] = block.rows ?? [];
  return h("div", { class: "table-wrap", tabindex: "0", role: "region", "aria-label": "Table" },
    h("table", { class: "table" }, head && h("thead", {}, row("th")(head)), h("tbody", {}, rest.map(row("td")))));
}

function alert(block) {
  const level = block.level ?? block.style ?? "default";
  const known = ["info", "warning", "error", "success"].includes(level) ? level : "default";
  return h("div", { role: level === "error" ? "alert" : "note", class: `alert alert-${known}` }, icon("warn"),
    h("div", {}, block.title && h("strong", {}, text(block.title)), h("div", {}, text(block.text))));
}

function contextActions(block, ctx) {
  const button = (item, each) => {
    const node = element({ ...each, type: "button", text: each.text ?? { type: "plain_text", text: "•" } }, id(block), {
      ...ctx, act: (_, blockId, payload, node) => ctx.act(item, blockId, payload, node),
    });
    mark(node, item, id(block));
    return node;
  };
  return h("div", {}, (block.elements ?? []).map((item) =>
    item.type === "feedback_buttons" ? [item.positive_button, item.negative_button].filter(Boolean).map((each) => button(item, each)) : button(item, item)));
}

const BLOCKS = {
  header, section, context, actions, input, table, alert,
  divider: () => h("hr"),
  image: imageBlock,
  rich_text: richText,
  markdown: (block) => markdown(block.text),
  context_actions: contextActions,
  file: (block) => h("div", {}, `File ${block.external_id ?? ""}`),
};

export function attachment(item, ctx) {
  const color = { good: "#2f9e68", warning: "#d9a21b", danger: "#c9303e" }[item.color] ?? (/^#?[0-9a-f]{3,8}$/i.test(item.color ?? "") ? `#${item.color.replace("#", "")}` : null);
  const node = h("div", { class: "attachment" });
  if (color) node.style.borderLeftColor = color;
  if (item.blocks) return append(node, renderBlocks(item.blocks, ctx));
  return append(node, [
    item.title && h("strong", {}, plain(item.title)),
    h("div", {}, mrkdwn(item.text ?? item.fallback ?? "")),
    item.fields && h("div", { class: "fields" }, item.fields.map((field) => h("div", { class: "field-cell" }, h("strong", {}, plain(field.title)), h("div", {}, mrkdwn(field.value))))),
    item.footer && h("div", { class: "muted" }, plain(item.footer)),
  ]);
}
