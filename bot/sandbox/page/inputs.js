// Typed fields: text, number, email, link, date, time. Reads and checks what Slack's own client checks before submit.

import { h } from "./dom.js";

const two = (number) => String(number).padStart(2, "0");

const KINDS = {
  plain_text_input: { key: "value", initial: "initial_value", type: "text" },
  number_input: { key: "value", initial: "initial_value", type: "text", inputmode: "decimal" },
  email_text_input: { key: "value", initial: "initial_value", type: "email" },
  url_text_input: { key: "value", initial: "initial_value", type: "url" },
  datepicker: { key: "selected_date", initial: "initial_date", type: "date" },
  timepicker: { key: "selected_time", initial: "initial_time", type: "time" },
  datetimepicker: { key: "selected_date_time", initial: "initial_date_time", type: "datetime-local" },
};

const toLocal = (unix) => {
  const date = new Date(unix * 1000);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
};

function read(item, raw) {
  if (raw === "") return null;
  if (item.type === "number_input") return raw.trim() || null;
  return item.type === "datetimepicker" ? Math.floor(new Date(raw).getTime() / 1000) : raw;
}

export function fieldFor(item, blockId, ctx, dispatch) {
  const kind = KINDS[item.type];
  if (!kind) return null;
  const stored = ctx.form.start(blockId, item.action_id, { type: item.type, [kind.key]: item[kind.initial] ?? null });
  const value = stored[kind.key];
  const props = {
    class: "field", dataset: { actionId: item.action_id ?? "", blockId },
    placeholder: item.placeholder?.text, minlength: item.min_length, value: item.type === "datetimepicker" && value ? toLocal(value) : value ?? "",
  };
  const node = item.multiline
    ? h("textarea", { ...props, rows: 4 })
    : h("input", { ...props, type: kind.type, inputmode: kind.inputmode, autocomplete: "off" });
  const send = () => ctx.act(item, blockId, { [kind.key]: read(item, node.value) }, node);
  const onEnter = triggers(item, "on_enter_pressed");
  const onTyping = triggers(item, "on_character_entered");
  node.addEventListener("input", () => {
    ctx.form.set(blockId, item.action_id, { type: item.type, [kind.key]: read(item, node.value) });
    ctx.touched?.(blockId);
    if (dispatch && onTyping) later(node, send);
  });
  if (dispatch && ["date", "time", "datetime-local"].includes(kind.type)) node.addEventListener("change", send);
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || item.multiline) return;
    if (dispatch && onEnter) {
      event.preventDefault();
      send();
    } else if (ctx.submit) {
      event.preventDefault();
      ctx.submit();
    }
  });
  return item.max_length ? counted(node, item.max_length) : node;
}

function triggers(item, wanted) {
  const given = item.dispatch_action_config?.trigger_actions_on;
  return given ? given.includes(wanted) : wanted === "on_enter_pressed";
}

const timers = new WeakMap();
function later(node, send) {
  clearTimeout(timers.get(node));
  timers.set(node, setTimeout(send, 300));
}

function counted(node, max) {
  const left = h("span", { class: "counter", "aria-live": "polite" });
  const show = () => {
    const rest = max - node.value.length;
    left.textContent = rest < 0 || rest <= Math.max(20, max * 0.2) || max <= 300 ? String(rest) : "";
    left.classList.toggle("counter-over", rest < 0);
    left.setAttribute("aria-label", `${rest} characters left`);
  };
  node.addEventListener("input", show);
  show();
  return h("span", { class: "counted" }, node, left);
}

const isEmpty = (value) => value === null || value === undefined || value === "" || (Array.isArray(value) && !value.length);

// The message for one input block, or nothing. Mirrors what Slack refuses without asking the app.
export function problem(block, value) {
  const item = block.element;
  const content = Object.entries(value ?? {}).find(([key]) => key !== "type")?.[1];
  if (isEmpty(content)) return block.optional ? null : "Please complete this required field.";
  if (item.type === "number_input") return numberProblem(item, content);
  if (item.type === "email_text_input" && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(content)) return "Please enter a valid email address.";
  if (item.type === "url_text_input" && !/^https?:\/\/\S+$/.test(content)) return "Please enter a valid URL.";
  if (item.min_length && content.length < item.min_length) return `Please enter at least ${item.min_length} characters.`;
  if (item.max_length && content.length > item.max_length) return `This is ${content.length - item.max_length} characters too long.`;
  return null;
}

function numberProblem(item, content) {
  const number = Number(content);
  if (!/^-?\d+(\.\d+)?$/.test(content)) return "Please enter a number.";
  if (!item.is_decimal_allowed && !Number.isInteger(number)) return "Please enter a whole number.";
  if (item.min_value !== undefined && number < Number(item.min_value)) return `Please enter ${item.min_value} or more.`;
  if (item.max_value !== undefined && number > Number(item.max_value)) return `Please enter ${item.max_value} or less.`;
  return null;
}
