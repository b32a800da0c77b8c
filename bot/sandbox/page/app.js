// Starts the page, keeps what is shown in step with the server, and carries out what the parts ask for.

import { api, failed, listen, sentence } from "./api.js";
import { h } from "./dom.js";
import { drawShop, findExtras } from "./extras.js";
import { toast } from "./feedback.js";
import { forgetForms } from "./forms.js";
import { hide, showStack } from "./modal.js";
import { drawPane, drawThread, refreshMessages, refreshThread } from "./pane.js";
import { drawSidebar, drawSidebarHead } from "./sidebar.js";
import { conversation, isAppDm, load, on, people, readHash, state, user, writeHash } from "./store.js";
import { drawTopbar, showConnected } from "./topbar.js";

const layout = document.getElementById("layout");

async function learn() {
  const bootstrap = await api.bootstrap();
  if (failed(bootstrap) || !bootstrap?.users) {
    document.getElementById("main").replaceChildren(h("div", { class: "empty" }, sentence(bootstrap)));
    return false;
  }
  load(bootstrap);
  const shortcuts = await api.shortcuts();
  state.shortcuts = Array.isArray(shortcuts) ? shortcuts : [];
  follow(readHash());
  drawTopbar();
  drawSidebarHead();
  return true;
}

async function boot() {
  if (!(await learn())) return setTimeout(boot, 2000);
  await refresh();
  await findExtras();
  drawSidebarHead();
  listen(onEvent, (connected) => {
    showConnected(connected);
    if (connected) schedule();
  });
}

function follow(wanted) {
  state.me = user(wanted.user)?.id ?? user(state.me)?.id ?? people().find((person) => person.kind === "member")?.id ?? people()[0].id;
  state.channel = wanted.channel || state.channel;
  state.thread = wanted.thread || null;
  state.tab = wanted.tab === "home" ? "home" : "messages";
}

async function refresh() {
  const me = state.me;
  const list = await api.conversations(me);
  if (me !== state.me) return;
  if (list?.error === "network") return showConnected(false);
  if (Array.isArray(list)) state.conversations = list;
  else if (failed(list)) state.conversations = [];
  settle();
  const [, , modal] = await Promise.all([refreshMessages(), refreshThread(), api.view(me)]);
  if (me === state.me && !failed(modal)) showStack(Array.isArray(modal) ? modal : modal?.stack ?? []);
}

// Chooses a conversation this person really sees, and draws the frame around it.
function settle() {
  if (!conversation(state.channel)) {
    const first = state.conversations.find((item) => item.kind !== "im" && !item.archived) ?? state.conversations[0];
    state.channel = first?.id ?? null;
    state.thread = null;
  }
  const here = conversation(state.channel);
  if (!isAppDm(here)) state.tab = "messages";
  if (here && !document.hidden && state.tab === "messages") here.unread = 0;
  writeHash();
  drawSidebar();
  drawPane();
  drawThread();
  drawShop();
}

let timer = null;
let running = false;
let again = false;

function schedule() {
  clearTimeout(timer);
  timer = setTimeout(run, 60);
}

async function run() {
  if (running) {
    again = true;
    return;
  }
  running = true;
  try {
    await refresh();
  } finally {
    running = false;
  }
  if (again) {
    again = false;
    schedule();
  }
}

async function onEvent(event) {
  if (event.type === "reset") {
    forgetForms();
    await learn();
  }
  schedule();
}

on("refresh", schedule);

on("switch-user", (id) => {
  if (id === state.me) return;
  const inApp = isAppDm(conversation(state.channel));
  const { tab } = state;
  hide();
  state.me = id;
  state.thread = null;
  drawTopbar();
  document.querySelector(`[data-testid="act-as-${CSS.escape(id)}"]`)?.focus();
  api.conversations(id).then((list) => {
    if (state.me !== id) return;
    state.conversations = Array.isArray(list) ? list : [];
    if (inApp) state.channel = state.conversations.find(isAppDm)?.id ?? null;
    else if (conversation(state.channel)?.member === false) state.channel = null;
    state.tab = tab;
    settle();
    if (state.tab === "home") openHome();
    schedule();
  });
});

on("open-channel", (id) => {
  const target = conversation(id);
  layout.classList.remove("sidebar-open");
  if (!target) return toast("You are not a member of this conversation.");
  if (id !== state.channel) state.thread = null;
  state.channel = id;
  state.tab = isAppDm(target) && !target.unread ? "home" : "messages";
  settle();
  if (state.tab === "home") openHome();
  schedule();
});

on("open-tab", (tab) => {
  state.tab = tab;
  state.thread = null;
  settle();
  if (tab === "home") openHome();
  schedule();
});

async function openHome() {
  const answer = await api.openHome(state.me);
  if (failed(answer)) toast(sentence(answer));
  schedule();
}

on("open-thread", (ts) => {
  state.thread = ts;
  settle();
  if (ts) document.querySelector("[data-testid=thread-composer]")?.focus();
  schedule();
});

on("toggle-sidebar", () => layout.classList.toggle("sidebar-open"));
document.getElementById("main").addEventListener("click", () => layout.classList.remove("sidebar-open"));

function onNavigate() {
  const wanted = readHash();
  if (wanted.user !== state.me) hide();
  follow(wanted);
  drawTopbar();
  schedule();
}
addEventListener("popstate", onNavigate);

addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  if (layout.classList.contains("sidebar-open")) layout.classList.remove("sidebar-open");
  else if (state.thread) {
    state.thread = null;
    settle();
  }
});
document.addEventListener("visibilitychange", () => document.hidden || schedule());

boot();
