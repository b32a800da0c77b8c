// Builds DOM nodes. Text only ever becomes a text node; nothing here (or elsewhere) parses HTML.

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "selected", "open"]);

export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "dataset") Object.assign(node.dataset, value);
    else if (PROPERTIES.has(key)) node[key] = value;
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  append(node, children);
  return node;
}

export function append(node, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}

export function fill(node, ...children) {
  node.replaceChildren();
  return append(node, children);
}

export function svg(viewBox, shapes, props = {}) {
  const root = document.createElementNS(SVG, "svg");
  root.setAttribute("viewBox", viewBox);
  root.setAttribute("aria-hidden", "true");
  for (const [key, value] of Object.entries(props)) root.setAttribute(key, value);
  for (const [tag, attributes] of shapes) {
    const shape = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
    root.append(shape);
  }
  return root;
}

const ICONS = {
  lock: "M6.5 9V6.8a3.5 3.5 0 0 1 7 0V9M5 9h10v7.5H5z",
  thread: "M4 5h12v8.5H9.5L6 16.5v-3H4z",
  more: "M5 10h.01M10 10h.01M15 10h.01",
  send: "M3.5 16.5 17 10 3.5 3.5 5.5 10zM5.5 10H11",
  close: "m5 5 10 10M15 5 5 15",
  back: "M12 4.5 6.5 10l5.5 5.5",
  menu: "M3.5 5.5h13M3.5 10h13M3.5 14.5h13",
  down: "m5.5 8 4.5 4.5L14.5 8",
  shop: "M4 8h12l-.7 8.5H4.7zM7 8V6.5a3 3 0 0 1 6 0V8",
  bolt: "M11 3 5 11.5h4.2L8.8 17 15 8.5h-4.3z",
  plus: "M10 4v12M4 10h12",
  hash: "M8 3.5 6.5 16.5M13.5 3.5 12 16.5M4 7.5h12.5M3.5 12.5H16",
  warn: "M10 3 18 16.5H2zM10 8v4M10 14.2v.1",
  eye: "M2.5 10S5 5 10 5s7.5 5 7.5 5-2.5 5-7.5 5-7.5-5-7.5-5zM10 8.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6",
};

export function icon(name) {
  const stroke = { fill: "none", stroke: "currentColor", "stroke-linecap": "round", "stroke-linejoin": "round" };
  const width = name === "more" ? 2.6 : 1.6;
  return svg("0 0 20 20", [["path", { d: ICONS[name], "stroke-width": width, ...stroke }]], { class: "icon" });
}

export function iconButton(name, label, onclick, props = {}) {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...props }, icon(name));
}

export function safeUrl(url) {
  try {
    const parsed = new URL(url, location.href);
    return ["http:", "https:", "mailto:", "tel:"].includes(parsed.protocol) ? parsed.href : null;
  } catch {
    return null;
  }
}

export function link(url, children) {
  const href = safeUrl(url);
  if (!href) return h("span", { class: "dead-link", title: "This link was not made clickable" }, children);
  return h("a", { href, target: "_blank", rel: "noopener noreferrer" }, children);
}

export function isLocal(url) {
  try {
    const parsed = new URL(url, location.href);
    if (parsed.protocol === "data:") return /^data:image\/(png|jpeg|gif|webp)[;,]/.test(parsed.href);
    return ["http:", "https:"].includes(parsed.protocol) && [location.hostname, "127.0.0.1", "localhost"].includes(parsed.hostname);
  } catch {
    return false;
  }
}
