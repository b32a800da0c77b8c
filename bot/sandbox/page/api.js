// The only place that talks to the server: JSON calls, and the event stream with its reconnects.

const BASE = "/ui/api";

const SENTENCES = {
  operation_timeout: "This app did not respond in time. Please try again.",
  dispatch_failed: "This app is not set up to receive this. Is it running?",
  connection_failed: "This app is not reachable. Is it running?",
  not_in_channel: "You are not a member of this channel.",
  channel_not_found: "This account does not see this conversation.",
  message_not_found: "This message is not there any more.",
  view_not_found: "This dialog is not open any more.",
  view_not_on_top: "Another dialog has been opened on top of this one.",
  no_such_element: "This button is not there any more.",
  is_archived: "This channel is archived.",
  user_is_deactivated: "This account is deactivated. It can look, but do nothing.",
  restricted_action: "People from other organisations can't do this.",
  invalid_response: "This app's answer could not be understood.",
  invalid_command_response: "This app's answer could not be understood.",
  network: "The sandbox does not answer. Is it still running?",
};

// What to tell the person about a refused or failed call.
export function sentence(answer) {
  const { error, status, messages } = answer ?? {};
  const detail = messages?.length ? ` (${messages.join("; ")})` : "";
  if (error === "http_error") return `This app answered with an error (HTTP ${status}).`;
  if (SENTENCES[error]) return SENTENCES[error] + detail;
  if (!error) return "Something went wrong. Please try again.";
  return /^[a-z0-9_]+$/.test(error) ? `This did not work (${error}).${detail}` : error;
}

async function call(path, body) {
  const options = body === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    return { ok: false, error: "network" };
  }
  const data = await response.json().catch(() => undefined);
  if (!response.ok) return { ok: false, status: response.status, error: data?.error ?? data?.detail ?? `http_${response.status}` };
  return data === undefined ? { ok: true } : data;
}

const as = (user, path) => `${BASE}/as/${encodeURIComponent(user)}/${path}`;
const query = (values) => new URLSearchParams(Object.entries(values).filter(([, value]) => value)).toString();
export const failed = (answer) => answer?.ok === false;

export const api = {
  bootstrap: () => call(`${BASE}/bootstrap`),
  shortcuts: () => call(`${BASE}/shortcuts`),
  conversations: (user) => call(as(user, "conversations")),
  messages: (user, channel, thread_ts) => call(`${as(user, "messages")}?${query({ channel, thread_ts })}`),
  send: (user, body) => call(as(user, "message"), body),
  click: (user, body) => call(as(user, "click"), body),
  command: (user, body) => call(as(user, "command"), body),
  shortcut: (user, body) => call(as(user, "shortcut"), body),
  view: (user) => call(as(user, "view")),
  submit: (user, body) => call(as(user, "view/submit"), body),
  close: (user, body) => call(as(user, "view/close"), body),
  home: (user) => call(as(user, "home")),
  openHome: (user, body = {}) => call(as(user, "home"), body),
  get: (path) => call(path),
  post: (path, body) => call(path, body),
};

export function listen(onEvent, onState) {
  const source = new EventSource(`${BASE}/events`);
  source.onopen = () => onState(true);
  source.onerror = () => {
    onState(false);
    // The browser retries by itself, except after an answer that is no stream.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(onEvent, onState), 3000);
  };
  source.onmessage = (message) => {
    try {
      onEvent(JSON.parse(message.data));
    } catch {
      onEvent({ type: "message" });
    }
  };
}
