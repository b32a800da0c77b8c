// The modal on top of the person's view stack: drawn, submitted, closed. Lower views wait with their values.

import { api, failed, sentence } from "./api.js";
import { problems, renderBlocks } from "./blocks.js";
import { contextFor } from "./actions.js";
import { h, icon, iconButton } from "./dom.js";
import { dialog, toast } from "./feedback.js";
import { formOf, shownElements } from "./forms.js";
import { plain } from "./mrkdwn.js";
import { emit, state } from "./store.js";

let current = null;

const signature = (view, depth) => JSON.stringify([view.id, view.blocks, view.title, view.submit, view.close, depth]);

export function showStack(stack) {
  const view = stack?.at(-1);
  if (!view) return hide();
  const drawn = signature(view, stack.length);
  if (current?.drawn === drawn && current.user === state.me) {
    current.view = view;
    return;
  }
  const sameView = current?.view.id === view.id && current.user === state.me;
  const scroll = sameView ? current.node.querySelector(".modal-body").scrollTop : 0;
  const focused = sameView ? focusKey() : null;
  seed(view);
  const node = current?.node ?? open();
  current = { node, view, drawn, user: state.me, depth: stack.length, busy: false };
  draw();
  node.querySelector(".modal-body").scrollTop = scroll;
  focusOn(focused);
}

export function hide() {
  current?.node.close();
  current = null;
}

function open() {
  const node = dialog("modal", { "aria-labelledby": "modal-title", dataset: { testid: "modal" } });
  node.addEventListener("cancel", (event) => {
    event.preventDefault();
    close();
  });
  node.showModal();
  return node;
}

// What the person had entered before a reload comes back from the server's copy of the view.
function seed(view) {
  const form = formOf(view.id);
  for (const [block, actions] of Object.entries(view.state?.values ?? {})) {
    for (const [action, value] of Object.entries(actions)) form.start(block, action, value);
  }
}

function draw() {
  const { node, view, depth } = current;
  node.dataset.viewId = view.id;
  node.dataset.callbackId = view.callback_id ?? "";
  const ctx = { ...contextFor(view.id, { view_id: view.id }, view.blocks), submit, touched: clearError };
  node.replaceChildren(...frame(view, ctx, { back: depth > 1, close, submit }));
}

// What a modal consists of. `back`: there are others below it; `close(all)` and `submit()` are what its buttons do.
export function frame(view, ctx, { back, close, submit }) {
  const closing = h("button", { type: "button", class: "button", dataset: { testid: "modal-close" }, onclick: () => close() }, view.close ? plain(view.close) : "Close");
  const submitting = view.submit && h("button", { type: "button", class: "button button-primary", dataset: { testid: "modal-submit" }, onclick: submit }, plain(view.submit));
  return [
    h("header", { class: "modal-header" },
      back && iconButton("back", "Back", () => close()),
      h("span", { class: "app-icon", "aria-hidden": "true" }, icon("bolt")),
      h("h2", { id: "modal-title" }, plain(view.title)),
      iconButton("close", back ? "Close all" : "Close dialog", () => close(true))),
    h("div", { class: "modal-body" }, renderBlocks(view.blocks, ctx)),
    h("footer", { class: "dialog-footer" }, h("div", { class: "footer-note", role: "alert" }), closing, submitting),
  ];
}

function clearError(blockId) {
  const form = formOf(current?.view.id);
  if (!form.errors[blockId]) return;
  delete form.errors[blockId];
  const block = current.node.querySelector(`.block-input[data-block-id="${CSS.escape(blockId)}"]`);
  block?.classList.remove("has-error");
  const error = block?.querySelector(".field-error");
  if (error) error.hidden = true;
}

function showErrors(errors) {
  const { view } = current;
  formOf(view.id).errors = errors;
  draw();
  const first = current.node.querySelector(".has-error");
  first?.scrollIntoView({ block: "nearest" });
  first?.querySelector("input, textarea, select, button")?.focus();
  const known = new Set((view.blocks ?? []).map((block) => block.block_id));
  const stray = Object.entries(errors).filter(([id]) => !known.has(id));
  if (stray.length) note(stray.map(([, text]) => text).join(" "));
}

const note = (message) => current?.node.querySelector(".footer-note")?.replaceChildren(icon("warn"), message);

export async function submit() {
  if (!current || current.busy) return;
  const { view, node, user } = current;
  const form = formOf(view.id);
  const found = problems(view.blocks, form);
  if (Object.keys(found).length) return showErrors(found);
  current.busy = true;
  node.querySelector("[data-testid=modal-submit]")?.classList.add("busy");
  const answer = await api.submit(user, { view_id: view.id, values: form.values(shownElements(view.blocks)) });
  if (current?.view.id !== view.id) return emit("refresh");
  current.busy = false;
  node.querySelector("[data-testid=modal-submit]")?.classList.remove("busy");
  if (answer.errors && Object.keys(answer.errors).length) return showErrors(answer.errors);
  form.errors = {};
  if (failed(answer)) note(sentence(answer));
  emit("refresh");
}

async function close(all = false) {
  if (!current) return;
  const { view, user } = current;
  const answer = await api.close(user, { view_id: view.id, clear: all });
  if (failed(answer)) toast(sentence(answer));
  emit("refresh");
}

function focusKey() {
  const active = document.activeElement;
  if (!current.node.contains(active)) return null;
  return { action: active.dataset.actionId, block: active.dataset.blockId, start: active.selectionStart, end: active.selectionEnd };
}

function focusOn(key) {
  const { node } = current;
  const same = key?.action && node.querySelector(`[data-action-id="${CSS.escape(key.action)}"][data-block-id="${CSS.escape(key.block ?? "")}"]`);
  const first = node.querySelector(".modal-body :is(input, textarea, select, button):not(:disabled)") ?? node.querySelector(".dialog-footer .button:last-child");
  (same || first)?.focus();
  if (same && typeof key.start === "number") {
    try {
      same.setSelectionRange(key.start, key.end);
    } catch {
      // Number and date fields have no caret to restore.
    }
  }
}
