// The bar on top: the workspace, who the person is acting as, and every other account one click away.

import { h, icon, iconButton } from "./dom.js";
import { avatar } from "./messages.js";
import { menu } from "./menus.js";
import { emit, people, state, user, userName } from "./store.js";

const KIND = { guest: "guest", single_channel_guest: "single-channel guest", external: "external", deactivated: "deactivated" };

export function describe(id) {
  const person = user(id);
  return [person?.title, KIND[person?.kind]].filter(Boolean).join(" · ");
}

// Two accounts may carry one person's name; the handle tells them apart.
function fullName(person) {
  const twin = people().some((other) => other.id !== person.id && userName(other.id) === userName(person.id));
  return twin ? `${userName(person.id)} (@${person.name})` : userName(person.id);
}

export function drawTopbar() {
  const bar = document.getElementById("topbar");
  const me = user(state.me);
  const button = h("button", { type: "button", class: "you", "aria-haspopup": "menu", dataset: { testid: "you" } },
    avatar(state.me, "avatar-small"),
    h("span", { class: "you-text" }, h("span", {}, "You are ", h("strong", {}, fullName(me))), describe(state.me) && h("span", { class: "you-title" }, ` – ${describe(state.me)}`)),
    icon("down"));
  const entries = people().map((person) => ({
    text: [avatar(person.id, "avatar-small"), h("span", {}, fullName(person))],
    hint: describe(person.id), value: person.id, current: person.id === state.me, pick: () => emit("switch-user", person.id),
  }));
  bar.replaceChildren(
    iconButton("menu", "Show conversations", () => emit("toggle-sidebar"), { class: "icon-button only-narrow", dataset: { testid: "sidebar-toggle" } }),
    h("span", { class: "brand" }, h("img", { src: "icon.svg", alt: "", width: 24, height: 24 }), h("span", {}, "Local Slack")),
    h("div", { class: "switcher", dataset: { testid: "user-switcher", user: state.me } },
      menu(button, entries, "you-menu"),
      h("div", { class: "others", role: "group", "aria-label": "Act as somebody else" },
        h("span", { class: "others-label", "aria-hidden": "true" }, "Act as"),
        people().filter((person) => person.kind !== "deactivated").map(chip))),
    h("span", { class: "connection", id: "connection", role: "status", hidden: true }, "Reconnecting…"));
}

function chip(person) {
  const words = `Act as ${fullName(person)}${describe(person.id) ? ` – ${describe(person.id)}` : ""}`;
  return h("button", {
    type: "button", class: "chip-person", "aria-label": words, title: words, "aria-pressed": String(person.id === state.me),
    dataset: { testid: `act-as-${person.id}` }, onclick: () => emit("switch-user", person.id),
  }, avatar(person.id, "avatar-small"));
}

export function showConnected(connected) {
  const node = document.getElementById("connection");
  if (node) node.hidden = connected;
}
