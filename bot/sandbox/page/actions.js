// What a click does: ask to confirm, send it with the form's values, show what went wrong.

import { api, failed, sentence } from "./api.js";
import { clearWarning, confirmed, toast, warnBeside } from "./feedback.js";
import { formOf, shownElements } from "./forms.js";
import { emit, state } from "./store.js";

// `target` is {channel, message_ts} or {view_id}: what the click is on.
export function contextFor(key, target, blocks) {
  const form = formOf(key);
  const shown = shownElements(blocks);
  return { form, act };

  async function act(item, blockId, payload, node) {
    if (item.confirm && !(await confirmed(item.confirm))) return;
    clearWarning(node);
    const actor = state.me;
    const busy = node?.classList?.contains("button") ? node : null;
    busy?.classList.add("busy");
    const answer = await api.click(actor, {
      ...target, block_id: blockId, action_id: item.action_id, type: item.type, ...payload, state: form.values(shown),
    });
    busy?.classList.remove("busy");
    if (failed(answer)) {
      if (node?.isConnected) warnBeside(node, sentence(answer));
      else toast(sentence(answer));
    }
    emit("refresh");
  }
}

export async function runShortcut(shortcut, message) {
  const answer = await api.shortcut(state.me, { channel: state.channel, message_ts: message?.ts, callback_id: shortcut.callback_id });
  if (failed(answer)) toast(sentence(answer));
  emit("refresh");
}
