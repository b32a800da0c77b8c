// :emoji: names. Those that cards rely on are drawn here, so they look the same on a machine without an emoji font.

import { h, svg } from "./dom.js";

const disc = (fill, stroke = "none") => [["circle", { cx: 10, cy: 10, r: 8.2, fill, stroke, "stroke-width": 1.5 }]];
const box = (fill) => ["rect", { x: 1, y: 1, width: 18, height: 18, rx: 4, fill }];
const line = (d, stroke = "#fff", width = 2.6) =>
  ["path", { d, stroke, "stroke-width": width, fill: "none", "stroke-linecap": "round", "stroke-linejoin": "round" }];
const fill = (d, color) => ["path", { d, fill: color }];
const CHECK = "M5.5 10.5 8.7 13.7 14.8 6.8";
const GLASS = [line("M5 2.2h10M5 17.8h10", "#9a6b2f", 2), fill("M6 3h8c0 4-2.6 5.4-2.6 7S14 13 14 17H6c0-4 2.6-5.4 2.6-7S6 7 6 3z", "#cfe6f2"), fill("M7.6 6h4.8c-.6 1.6-1.9 2.6-2.4 3.6-.5-1-1.8-2-2.4-3.6zM7 16.4c.6-1.8 2-2.2 3-3.2 1 1 2.4 1.4 3 3.2z", "#e0a33a")];

const DRAWN = {
  white_check_mark: ["✅", [box("#34a05b"), line(CHECK)]],
  heavy_check_mark: ["✔️", [line("M3.5 10.5 8 15 16.5 5", "#34a05b", 3)]],
  x: ["❌", [line("M4 4 16 16M16 4 4 16", "#d8404f", 3.4)]],
  warning: ["⚠️", [fill("M10 1.8 19 17.6H1z", "#f5b93a"), line("M10 7.5v4.3", "#4a3200", 2), line("M10 14.8v.05", "#4a3200", 2.2)]],
  hourglass: ["⌛", GLASS],
  hourglass_flowing_sand: ["⏳", GLASS],
  rotating_light: ["🚨", [fill("M4.5 15.5V10a5.5 5.5 0 0 1 11 0v5.5z", "#e0414f"), fill("M3 15.5h14v3H3z", "#5f6b76"), line("M10 1v1.5M2.5 4l1.3 1.1M17.5 4l-1.3 1.1", "#e0414f", 1.6), line("M8 10a2 2 0 0 1 2-2", "#ffd6d6", 1.5)]],
  eyes: ["👀", [["ellipse", { cx: 5.8, cy: 10, rx: 4.2, ry: 6, fill: "#fff", stroke: "#4c5560", "stroke-width": 1.2 }], ["ellipse", { cx: 14.2, cy: 10, rx: 4.2, ry: 6, fill: "#fff", stroke: "#4c5560", "stroke-width": 1.2 }], ["circle", { cx: 4.9, cy: 11, r: 2.1, fill: "#26303a" }], ["circle", { cx: 13.3, cy: 11, r: 2.1, fill: "#26303a" }]]],
  pencil2: ["✏️", [fill("M3 17l1-4.5L13.5 3 17 6.5 7.5 16z", "#f0b63c"), fill("M3 17l1-4.5 3.5 3.5z", "#e8cfa8"), fill("M13.5 3 15 1.7c.7-.6 4 2.7 3.3 3.3L17 6.5z", "#d9596a")]],
  no_entry: ["⛔", [...disc("#d8404f"), fill("M4.8 8.4h10.4v3.2H4.8z", "#fff")]],
  no_entry_sign: ["🚫", [["circle", { cx: 10, cy: 10, r: 7.4, fill: "none", stroke: "#d8404f", "stroke-width": 2.4 }], line("M5 5l10 10", "#d8404f", 2.4)]],
  octagonal_sign: ["🛑", [fill("M6.6 1.8h6.8l4.8 4.8v6.8l-4.8 4.8H6.6l-4.8-4.8V6.6z", "#d8404f")]],
  red_circle: ["🔴", disc("#d8404f")],
  large_orange_circle: ["🟠", disc("#ee8b2e")],
  large_yellow_circle: ["🟡", disc("#f2c33c")],
  large_green_circle: ["🟢", disc("#3aa65d")],
  large_blue_circle: ["🔵", disc("#3f82d6")],
  large_purple_circle: ["🟣", disc("#8759c7")],
  white_circle: ["⚪", disc("#f1f3f5", "#aab2ba")],
  black_circle: ["⚫", disc("#2b3138")],
  bell: ["🔔", [fill("M10 2a5.5 5.5 0 0 1 5.5 5.5c0 4 1.5 5.5 2.5 7H2c1-1.5 2.5-3 2.5-7A5.5 5.5 0 0 1 10 2z", "#f2b735"), fill("M7.8 15.5h4.4a2.2 2.2 0 0 1-4.4 0z", "#b98312")]],
  lock: ["🔒", [line("M6 9V6.5a4 4 0 0 1 8 0V9", "#7d8894", 2), fill("M4 8.5h12v9H4z", "#f0b63c")]],
  alarm_clock: ["⏰", [...disc("#e9eef2", "#d8404f"), line("M10 5.5V10l3 2", "#38424c", 1.6)]],
  clock3: ["🕒", [...disc("#eef2f5", "#7d8894"), line("M10 5.5V10h3.8", "#38424c", 1.6)]],
  stopwatch: ["⏱️", [line("M8 1.5h4M10 1.5V4", "#5f6b76", 1.8), ["circle", { cx: 10, cy: 11, r: 7, fill: "#eef2f5", stroke: "#5f6b76", "stroke-width": 1.5 }], line("M10 7.5V11l2 1.5", "#38424c", 1.6)]],
  arrow_up: ["⬆️", [box("#3f82d6"), line("M10 15V5.5M5.8 9.5 10 5.3l4.2 4.2")]],
  arrow_right: ["➡️", [box("#3f82d6"), line("M5 10h9.5M10.5 5.8 14.7 10l-4.2 4.2")]],
  leftwards_arrow_with_hook: ["↩️", [box("#3f82d6"), line("M8 5.5 4.8 8.7 8 12M5 8.7h7.5a2.8 2.8 0 0 1 0 5.6H9", "#fff", 2)]],
  question: ["❓", [line("M6.5 6.5a3.5 3.5 0 1 1 5.3 3c-1.2.8-1.8 1.3-1.8 3", "#d8404f", 2.6), line("M10 16.3v.05", "#d8404f", 3)]],
  information_source: ["ℹ️", [box("#3f82d6"), line("M10 9v5.5M10 5.5v.05")]],
  robot_face: ["🤖", [line("M10 2v3", "#5f6b76", 1.6), ["rect", { x: 3, y: 5, width: 14, height: 11.5, rx: 3, fill: "#9fb2c0" }], ["circle", { cx: 7.2, cy: 9.8, r: 1.7, fill: "#26303a" }], ["circle", { cx: 12.8, cy: 9.8, r: 1.7, fill: "#26303a" }], line("M7 13.5h6", "#26303a", 1.5)]],
  bust_in_silhouette: ["👤", [["circle", { cx: 10, cy: 6.5, r: 4, fill: "#55616d" }], fill("M2.5 18c.5-5 4-6.5 7.5-6.5s7 1.5 7.5 6.5z", "#55616d")]],
  lightning: ["⚡", [fill("M12 1 4 11.5h4.8L7.5 19 16 8h-5z", "#f2b735")]],
  bulb: ["💡", [fill("M10 1.5a6 6 0 0 1 3.5 10.9V15h-7v-2.6A6 6 0 0 1 10 1.5z", "#f7cf57"), fill("M7 15.8h6v2.7H7z", "#7d8894")]],
};

const PLAIN = {
  "+1": "👍", thumbsup: "👍", "-1": "👎", thumbsdown: "👎", wave: "👋", pray: "🙏", clap: "👏", raised_hands: "🙌",
  raised_hand: "✋", hand: "✋", point_right: "👉", muscle: "💪", ok_hand: "👌", tada: "🎉", rocket: "🚀", fire: "🔥",
  star: "⭐", sparkles: "✨", heart: "❤️", smile: "😄", slightly_smiling_face: "🙂", thinking_face: "🤔", joy: "😂",
  cry: "😢", scream: "😱", sleeping: "😴", zzz: "💤", "100": "💯", moneybag: "💰", money_with_wings: "💸", euro: "💶",
  dollar: "💵", credit_card: "💳", receipt: "🧾", package: "📦", email: "✉️", envelope: "✉️", incoming_envelope: "📨",
  mailbox: "📫", memo: "📝", clipboard: "📋", page_facing_up: "📄", file_folder: "📁", bar_chart: "📊",
  chart_with_upwards_trend: "📈", chart_with_downwards_trend: "📉", calendar: "📅", date: "📅", pushpin: "📌", link: "🔗",
  mag: "🔍", key: "🔑", unlock: "🔓", shield: "🛡️", gear: "⚙️", wrench: "🔧", hammer_and_wrench: "🛠️", bug: "🐛",
  wastebasket: "🗑️", recycle: "♻️", arrows_counterclockwise: "🔄", repeat: "🔁", fast_forward: "⏩", arrow_forward: "▶️",
  double_vertical_bar: "⏸️", pause_button: "⏸️", stop_button: "⏹️", black_square_for_stop: "⏹️", arrow_down: "⬇️", arrow_left: "⬅️",
  busts_in_silhouette: "👥", speech_balloon: "💬", thought_balloon: "💭", mega: "📣", loudspeaker: "📢", no_bell: "🔕",
  exclamation: "❗", bangbang: "‼️", grey_question: "❔", ballot_box_with_check: "☑️", negative_squared_cross_mark: "❎",
  white_large_square: "⬜", black_large_square: "⬛", large_green_square: "🟩", large_red_square: "🟥", large_yellow_square: "🟨",
  checkered_flag: "🏁", triangular_flag_on_post: "🚩", construction: "🚧", vertical_traffic_light: "🚦", traffic_light: "🚥",
  scales: "⚖️", bank: "🏦", shopping_trolley: "🛒", gift: "🎁", lock_with_ink_pen: "🔏", closed_lock_with_key: "🔐",
  one: "1️⃣", two: "2️⃣", three: "3️⃣", brain: "🧠", ghost: "👻", snowflake: "❄️", sunny: "☀️", crystal_ball: "🔮",
};
const ALIASES = { stop_sign: "octagonal_sign", zap: "lightning", pencil: "memo", memo2: "memo", siren: "rotating_light", check: "white_check_mark", orange_circle: "large_orange_circle", yellow_circle: "large_yellow_circle", green_circle: "large_green_circle", blue_circle: "large_blue_circle" };
const BY_CHARACTER = new Map(Object.entries(DRAWN).map(([name, [character]]) => [character.replace("\ufe0f", ""), name]));
const CHARACTERS = new RegExp(`(${[...BY_CHARACTER.keys()].join("|")})\\ufe0f?`, "u");

export function emoji(name) {
  const known = ALIASES[name] ?? name.replace(/::skin-tone-\d$/, "");
  if (DRAWN[known]) {
    const [character, shapes] = DRAWN[known];
    return h("span", { class: "emoji", role: "img", "aria-label": known.replaceAll("_", " "), title: `:${known}:` },
      svg("0 0 20 20", shapes), h("span", { class: "emoji-text" }, character));
  }
  return PLAIN[known] ? h("span", { class: "emoji-char", title: `:${known}:` }, PLAIN[known]) : null;
}

// Text as nodes, with the drawn emoji in place of their characters; nothing else in it means anything.
export function literal(text) {
  return String(text).split(CHARACTERS).map((part) => (BY_CHARACTER.has(part) ? emoji(BY_CHARACTER.get(part)) : part));
}

export function withEmoji(text) {
  return String(text).split(/(:[a-z0-9_+'-]+:)/).map((part) => {
    const name = /^:([a-z0-9_+'-]+):$/.exec(part)?.[1];
    return (name && emoji(name)) || literal(part);
  });
}
