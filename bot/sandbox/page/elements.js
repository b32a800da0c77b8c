// Interactive elements in messages, modals and the Home tab: buttons, menus, pickers, choices.
// Every control keeps its value in ctx.form; ctx.act sends a click.

import { h, icon, isLocal, safeUrl } from "./dom.js";
import { fieldFor } from "./inputs.js";
import { multiSelect, overflowMenu } from "./menus.js";
import { plain, text } from "./mrkdwn.js";
import { people, state, userName } from "./store.js";

const label = (object) => (typeof object === "string" ? object : object?.text ?? "");

// `dispatch` tells whether a change is sent at once (actions, accessories) or waits for submit (inputs).
export function element(item, blockId, ctx, dispatch = true) {
  const build = ELEMENTS[item.type];
  if (!build) return fieldFor(item, blockId, ctx, dispatch) ?? h("span", { class: "unsupported" }, `unsupported element: ${item.type}`);
  const node = build(item, blockId, ctx, dispatch);
  mark(node, item, blockId);
  return node;
}

export function mark(node, item, blockId) {
  if (!item.action_id) return;
  node.dataset.actionId = item.action_id;
  node.dataset.blockId = blockId;
}

function change(item, blockId, ctx, dispatch, payload, node) {
  ctx.form.set(blockId, item.action_id, { type: item.type, ...payload });
  ctx.touched?.(blockId);
  if (dispatch) ctx.act(item, blockId, payload, node);
}

function button(item, blockId, ctx) {
  const press = (event) => ctx.act(item, blockId, item.value === undefined ? {} : { value: item.value }, event.currentTarget);
  const props = {
    class: `button ${["primary", "danger"].includes(item.style) ? `button-${item.style}` : ""}`,
    "aria-label": item.accessibility_label,
    onclick: press,
  };
  const href = item.url && safeUrl(item.url);
  if (href) return h("a", { ...props, href, target: "_blank", rel: "noopener noreferrer" }, plain(item.text));
  return h("button", { type: "button", ...props }, plain(item.text));
}

const allOptions = (item) => item.options ?? (item.option_groups ?? []).flatMap((group) => group.options);

function optionNodes(options, chosen) {
  return options.map((option) => h("option", { value: option.value, selected: option.value === chosen?.value },
    label(option.text) + (option.description ? ` – ${label(option.description)}` : "")));
}

function staticSelect(item, blockId, ctx, dispatch) {
  const stored = ctx.form.start(blockId, item.action_id, { type: item.type, selected_option: item.initial_option ?? null });
  const chosen = stored.selected_option;
  const groups = item.option_groups
    ? item.option_groups.map((group) => h("optgroup", { label: label(group.label) }, optionNodes(group.options, chosen)))
    : optionNodes(item.options ?? [], chosen);
  const pick = (event) => {
    const option = allOptions(item).find((each) => each.value === event.target.value) ?? null;
    change(item, blockId, ctx, dispatch, { selected_option: option }, event.target);
  };
  return h("select", { class: "select", "aria-label": label(item.placeholder) || "Select", onchange: pick },
    h("option", { value: "", selected: !chosen, disabled: dispatch }, label(item.placeholder) || "Choose an option"), groups);
}

function sourceSelect(field, initial, list) {
  return (item, blockId, ctx, dispatch) => {
    const stored = ctx.form.start(blockId, item.action_id, { type: item.type, [field]: item[initial] ?? null });
    const pick = (event) => change(item, blockId, ctx, dispatch, { [field]: event.target.value || null }, event.target);
    return h("select", { class: "select", "aria-label": label(item.placeholder) || "Select", onchange: pick },
      h("option", { value: "", selected: !stored[field] }, label(item.placeholder) || "Choose"),
      list().map(({ id, text: name }) => h("option", { value: id, selected: stored[field] === id }, name)));
  };
}

const peopleList = () => people().map((person) => ({ id: person.id, text: userName(person.id) }));
const channelList = () => [...state.channels.values()].map((channel) => ({ id: channel.id, text: `#${channel.name}` }));

function staticMulti(item, blockId, ctx, dispatch) {
  const stored = ctx.form.start(blockId, item.action_id, { type: item.type, selected_options: item.initial_options ?? [] });
  const options = allOptions(item);
  return multiSelect({
    entries: options.map((option) => ({ id: option.value, text: label(option.text), hint: label(option.description) })),
    chosen: stored.selected_options.map((option) => option.value),
    placeholder: label(item.placeholder) || "Choose options",
    max: item.max_selected_items,
    onchange: (ids, node) => change(item, blockId, ctx, dispatch, { selected_options: options.filter((option) => ids.includes(option.value)) }, node),
  });
}

function sourceMulti(field, initial, list) {
  return (item, blockId, ctx, dispatch) => {
    const stored = ctx.form.start(blockId, item.action_id, { type: item.type, [field]: item[initial] ?? [] });
    return multiSelect({
      entries: list(), chosen: stored[field], max: item.max_selected_items, placeholder: label(item.placeholder) || "Choose",
      onchange: (ids, node) => change(item, blockId, ctx, dispatch, { [field]: ids }, node),
    });
  };
}

let groupNumber = 0;

function choices(kind) {
  return (item, blockId, ctx, dispatch) => {
    const many = kind === "checkbox";
    const initial = many ? { selected_options: item.initial_options ?? [] } : { selected_option: item.initial_option ?? null };
    const stored = ctx.form.start(blockId, item.action_id, { type: item.type, ...initial });
    const name = `choice-${(groupNumber += 1)}`;
    const isChosen = (option) => (many ? stored.selected_options.some((each) => each.value === option.value) : stored.selected_option?.value === option.value);
    const group = h("div", { class: "choices", role: many ? "group" : "radiogroup" });
    const pick = () => {
      const checked = [...group.querySelectorAll("input:checked")].map((input) => input.value);
      const options = item.options.filter((option) => checked.includes(option.value));
      change(item, blockId, ctx, dispatch, many ? { selected_options: options } : { selected_option: options[0] ?? null }, group);
    };
    group.append(...item.options.map((option) => h("label", { class: "choice" },
      h("input", { type: kind, name, value: option.value, checked: isChosen(option), onchange: pick }),
      h("span", {}, h("span", { class: "choice-text" }, text(option.text)), option.description && h("span", { class: "choice-hint" }, text(option.description))))));
    return group;
  };
}

function overflow(item, blockId, ctx) {
  const entries = item.options.map((option) => ({
    text: plain(option.text), hint: option.description && plain(option.description), href: option.url && safeUrl(option.url),
    pick: (node) => ctx.act(item, blockId, { selected_option: option }, node),
    value: option.value,
  }));
  return overflowMenu(icon("more"), item.accessibility_label || "More actions", entries);
}

export function image(item, className = "image-element") {
  const url = item.image_url ?? item.slack_file?.url;
  if (!url || !isLocal(url)) {
    return h("span", { class: `${className} image-missing`, role: "img", "aria-label": item.alt_text, title: url ?? "" }, item.alt_text || "image");
  }
  return h("img", { class: className, src: url, alt: item.alt_text ?? "", loading: "lazy" });
}

const ELEMENTS = {
  button,
  workflow_button: button,
  static_select: staticSelect,
  users_select: sourceSelect("selected_user", "initial_user", peopleList),
  conversations_select: sourceSelect("selected_conversation", "initial_conversation", channelList),
  channels_select: sourceSelect("selected_channel", "initial_channel", channelList),
  multi_static_select: staticMulti,
  multi_users_select: sourceMulti("selected_users", "initial_users", peopleList),
  multi_conversations_select: sourceMulti("selected_conversations", "initial_conversations", channelList),
  multi_channels_select: sourceMulti("selected_channels", "initial_channels", channelList),
  radio_buttons: choices("radio"),
  checkboxes: choices("checkbox"),
  overflow,
  image,
};
