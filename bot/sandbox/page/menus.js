// Pop-up menus and the many-choices picker: one open at a time, closed by Escape or a click elsewhere.

import { h, icon } from "./dom.js";

let openMenu = null;

function close() {
  if (!openMenu) return;
  openMenu.list.hidden = true;
  openMenu.button.setAttribute("aria-expanded", "false");
  openMenu.wrap.classList.remove("menu-open");
  openMenu = null;
}

addEventListener("click", (event) => {
  if (openMenu && !openMenu.wrap.contains(event.target)) close();
});
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !openMenu) return;
  event.preventDefault();
  event.stopPropagation();
  const { button } = openMenu;
  close();
  button.focus();
}, true);
addEventListener("resize", close);

// Menus are position: fixed so that a scrolling pane never clips them.
function place(button, list) {
  const box = button.getBoundingClientRect();
  list.style.minWidth = `${Math.max(box.width, 180)}px`;
  const { width, height } = list.getBoundingClientRect();
  const below = box.bottom + 4 + height < innerHeight || box.top < height + 8;
  list.style.top = `${Math.max(6, below ? Math.min(box.bottom + 4, innerHeight - height - 6) : box.top - height - 4)}px`;
  list.style.left = `${Math.max(6, Math.min(box.left, innerWidth - width - 8))}px`;
}

export function popup(button, list, className = "") {
  const wrap = h("span", { class: `menu ${className}` }, button, list);
  list.hidden = true;
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => {
    const same = openMenu?.button === button;
    close();
    if (same) return;
    list.hidden = false;
    button.setAttribute("aria-expanded", "true");
    wrap.classList.add("menu-open");
    openMenu = { button, list, wrap };
    place(button, list);
    list.querySelector("button, a, input")?.focus({ preventScroll: true });
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const items = [...list.querySelectorAll("button, a, input")];
    items.at((items.indexOf(document.activeElement) + step) % items.length)?.focus();
  });
  return wrap;
}

function entry({ text, hint, href, pick, value, current }) {
  const content = [h("span", { class: "menu-text" }, text), hint && h("span", { class: "menu-hint" }, hint)];
  const props = {
    class: "menu-item", role: "menuitem", dataset: value === undefined ? {} : { value }, "aria-current": current ? "true" : null,
    onclick: (event) => {
      const anchor = event.currentTarget.closest(".menu");
      close();
      anchor.querySelector("button")?.focus({ preventScroll: true });
      pick?.(anchor);
    },
  };
  return href ? h("a", { ...props, href, target: "_blank", rel: "noopener noreferrer" }, content) : h("button", { type: "button", ...props }, content);
}

export function menu(button, entries, className) {
  return popup(button, h("div", { class: "menu-list", role: "menu" }, entries.map(entry)), className);
}

export function overflowMenu(face, label, entries) {
  const button = h("button", { type: "button", class: "button button-square", "aria-haspopup": "menu", "aria-label": label, title: label }, face);
  return menu(button, entries, "overflow");
}

export function multiSelect({ entries, chosen, placeholder, max, onchange }) {
  let picked = [...chosen];
  const face = h("span", { class: "multi-face" });
  const button = h("button", { type: "button", class: "select multi", "aria-haspopup": "true", "aria-label": placeholder }, face, icon("down"));
  const boxes = entries.map((each) => h("label", { class: "menu-item choice" },
    h("input", { type: "checkbox", value: each.id, checked: picked.includes(each.id), onchange: toggle }),
    h("span", {}, h("span", { class: "choice-text" }, each.text), each.hint && h("span", { class: "choice-hint" }, each.hint))));
  const wrap = popup(button, h("div", { class: "menu-list multi-list", role: "group", "aria-label": placeholder }, boxes), "multi-wrap");
  show();
  return wrap;

  function toggle() {
    picked = boxes.map((box) => box.querySelector("input")).filter((input) => input.checked).map((input) => input.value);
    show();
    onchange(picked, wrap);
  }

  function show() {
    const names = entries.filter((each) => picked.includes(each.id));
    face.replaceChildren(...(names.length ? names.map((each) => h("span", { class: "chip" }, each.text)) : [h("span", { class: "placeholder" }, placeholder)]));
    for (const box of boxes) {
      const input = box.querySelector("input");
      input.disabled = Boolean(max) && picked.length >= max && !input.checked;
    }
  }
}
