// How the page speaks to the person: toasts, the small warning beside a button, and confirm dialogs.

import { h, icon, iconButton } from "./dom.js";
import { plain, text } from "./mrkdwn.js";

export function toast(message, kind = "warning") {
  const tray = document.getElementById("toasts");
  const node = h("div", { class: `toast toast-${kind}`, dataset: { testid: "toast" } }, kind === "warning" && icon("warn"), h("span", {}, message));
  node.append(iconButton("close", "Dismiss", () => node.remove()));
  tray.append(node);
  // Re-opening puts the tray above any dialog that opened meanwhile.
  if (tray.matches(":popover-open")) tray.hidePopover();
  tray.showPopover();
  setTimeout(() => {
    node.remove();
    if (!tray.childElementCount && tray.matches(":popover-open")) tray.hidePopover();
  }, 7000);
}

export function warnBeside(node, message) {
  const host = node?.closest?.(".block") ?? node?.parentElement;
  if (!host) return;
  clearWarning(node);
  host.append(h("div", { class: "inline-warning", role: "alert", dataset: { testid: "inline-warning" } }, icon("warn"), message));
}

export function clearWarning(node) {
  const host = node?.closest?.(".block") ?? node?.parentElement;
  for (const old of host?.querySelectorAll?.(":scope > .inline-warning") ?? []) old.remove();
}

// A native dialog: the browser keeps focus inside and gives it back.
export function dialog(className, props, ...children) {
  const node = h("dialog", { class: `dialog ${className}`, ...props }, ...children);
  document.body.append(node);
  node.addEventListener("close", () => node.remove());
  return node;
}

export function confirmed(confirm) {
  return new Promise((resolve) => {
    const danger = confirm.style === "danger";
    const yes = h("button", { type: "button", class: `button ${danger ? "button-danger" : "button-primary"}`, dataset: { testid: "confirm-yes" }, onclick: () => finish(true) }, plain(confirm.confirm));
    const no = h("button", { type: "button", class: "button", dataset: { testid: "confirm-no" }, onclick: () => finish(false) }, plain(confirm.deny));
    const node = dialog("confirm", { role: "alertdialog", "aria-labelledby": "confirm-title", dataset: { testid: "confirm" } },
      h("h2", { id: "confirm-title" }, plain(confirm.title)),
      h("div", { class: "confirm-text" }, text(confirm.text)),
      h("div", { class: "dialog-footer" }, no, yes));
    node.addEventListener("cancel", (event) => {
      event.preventDefault();
      finish(false);
    });
    node.showModal();
    yes.focus();

    function finish(answer) {
      node.close();
      resolve(answer);
    }
  });
}
