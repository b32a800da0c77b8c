// What the page knows: the workspace, who is acting, what is open; and the bus on which parts ask for a refresh.

export const state = {
  team: { name: "…" }, app: {}, users: new Map(), channels: new Map(), groups: new Map(),
  me: null, channel: null, thread: null, tab: "messages",
  conversations: [], shortcuts: [], commands: [],
};

export const bus = new EventTarget();
export const emit = (type, detail) => bus.dispatchEvent(new CustomEvent(type, { detail }));
export const on = (type, handler) => bus.addEventListener(type, (event) => handler(event.detail));

export function load(bootstrap) {
  state.team = bootstrap.team;
  state.app = { ...bootstrap.app, bot_user_id: bootstrap.app.bot_user_id ?? bootstrap.app.bot_user };
  state.users = new Map(bootstrap.users.map((user) => [user.id, user]));
  state.channels = new Map(bootstrap.channels.map((channel) => [channel.id, channel]));
  state.groups = new Map((bootstrap.groups ?? bootstrap.usergroups ?? []).map((group) => [group.id, group]));
  state.commands = bootstrap.commands ?? [];
}

export const user = (id) => state.users.get(id);
export const userName = (id) => {
  const found = user(id);
  if (found) return found.real_name || found.display_name || found.name;
  return id === state.app.bot_user_id ? state.app.name : id;
};
export const channelName = (id) =>
  state.conversations.find((conversation) => conversation.id === id)?.name ?? state.channels.get(id)?.name ?? id;
export const groupName = (id) => state.groups.get(id)?.handle ?? state.groups.get(id)?.name;

export const conversation = (id) => state.conversations.find((item) => item.id === id);
export const isAppDm = (item) => item?.kind === "im" && item.user === state.app.bot_user_id;
export const people = () => [...state.users.values()].filter((person) => person.kind !== "bot");

const PALETTE = ["#2d7d6b", "#b5622b", "#5b5fc7", "#a8466b", "#2b79a8", "#7d6a1f", "#7a4fa3", "#4d7c3a"];
export function colorOf(id) {
  const given = user(id)?.color;
  if (given) return given.startsWith("#") ? given : `#${given}`;
  return PALETTE[[...String(id)].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % PALETTE.length];
}

export function readHash() {
  const values = new URLSearchParams(location.hash.slice(1));
  return { user: values.get("user"), channel: values.get("channel"), thread: values.get("thread"), tab: values.get("tab") };
}

export function writeHash() {
  const values = new URLSearchParams({ user: state.me, channel: state.channel ?? "" });
  if (state.thread) values.set("thread", state.thread);
  if (state.tab === "home") values.set("tab", "home");
  const hash = `#${values}`;
  if (location.hash !== hash) history.pushState(null, "", hash);
}
