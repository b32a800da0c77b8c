// Slack's date tokens in the viewer's own time zone, kept fresh while they are on screen.

import { h } from "./dom.js";

const DAY = 86_400_000;
const hour12 = new Intl.DateTimeFormat(navigator.language, { hour: "numeric" }).resolvedOptions().hour12;
const intl = (options) => new Intl.DateTimeFormat("en-US", options);
const clock = intl({ hour: "numeric", minute: "2-digit", hour12 });
const clockSeconds = intl({ hour: "numeric", minute: "2-digit", second: "2-digit", hour12 });
const full = intl({ weekday: "long", year: "numeric", month: "long", day: "numeric", hour: "numeric", minute: "2-digit", hour12, timeZoneName: "short" });

const ordinal = (day) => {
  const suffix = day % 100 >= 11 && day % 100 <= 13 ? "th" : ["th", "st", "nd", "rd"][day % 10] ?? "th";
  return `${day}${suffix}`;
};
const long = (date) => `${intl({ month: "long" }).format(date)} ${ordinal(date.getDate())}, ${date.getFullYear()}`;
const short = (date) => intl({ month: "short", day: "numeric", year: "numeric" }).format(date);
const weekday = (date) => `${intl({ weekday: "long" }).format(date)}, `;
const two = (number) => String(number).padStart(2, "0");

function relativeDay(date, now) {
  const midnight = (value) => new Date(value.getFullYear(), value.getMonth(), value.getDate()).getTime();
  return { "-1": "yesterday", 0: "today", 1: "tomorrow" }[Math.round((midnight(date) - midnight(now)) / DAY)];
}

function ago(date, now) {
  const seconds = Math.round((now - date) / 1000);
  const [amount, unit] = Math.abs(seconds) < 60 ? [0, ""]
    : Math.abs(seconds) < 3600 ? [Math.round(Math.abs(seconds) / 60), "minute"]
    : Math.abs(seconds) < 86400 ? [Math.round(Math.abs(seconds) / 3600), "hour"]
    : [Math.round(Math.abs(seconds) / 86400), "day"];
  if (!unit) return "just now";
  const words = `${amount} ${unit}${amount === 1 ? "" : "s"}`;
  return seconds < 0 ? `in ${words}` : `${words} ago`;
}

const TOKENS = {
  date_num: (date) => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`,
  date_slash: (date) => `${two(date.getMonth() + 1)}/${two(date.getDate())}/${date.getFullYear()}`,
  date: long,
  date_short: short,
  date_long: (date) => weekday(date) + long(date),
  date_long_full: (date) => weekday(date) + long(date),
  date_pretty: (date, now) => relativeDay(date, now) ?? long(date),
  date_short_pretty: (date, now) => relativeDay(date, now) ?? short(date),
  date_long_pretty: (date, now) => relativeDay(date, now) ?? weekday(date) + long(date),
  day_divider_pretty: (date, now) => relativeDay(date, now) ?? weekday(date) + long(date),
  time: (date) => clock.format(date),
  time_secs: (date) => clockSeconds.format(date),
  ago,
};

export function formatTokens(unix, format, now = new Date()) {
  const date = new Date(unix * 1000);
  const text = format.replace(/\{(\w+)\}/g, (whole, token) => TOKENS[token]?.(date, now) ?? whole);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function dateNode(unix, format, fallback) {
  const seconds = Number(unix);
  if (!Number.isFinite(seconds) || !format) return h("span", {}, fallback ?? "");
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return h("span", {}, fallback ?? "");
  return h("time", {
    datetime: date.toISOString(), title: full.format(date), class: "date",
    dataset: { unix: seconds, format },
  }, formatTokens(seconds, format));
}

export const timeOf = (ts) => clock.format(new Date(Number(ts) * 1000));
export const fullTimeOf = (ts) => full.format(new Date(Number(ts) * 1000));
export const dayOf = (ts) => formatTokens(Number(ts), "{date_long_pretty}");

setInterval(() => {
  for (const node of document.querySelectorAll("time[data-format]")) {
    const text = formatTokens(Number(node.dataset.unix), node.dataset.format);
    if (node.textContent !== text) node.textContent = text;
  }
}, 20_000);
