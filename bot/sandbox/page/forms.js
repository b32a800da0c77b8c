// The values a person has entered, per message or view: kept across re-renders, sent as Slack's `state.values`.

const forms = new Map();

export function formOf(key) {
  if (!forms.has(key)) forms.set(key, new Form());
  return forms.get(key);
}

export const forgetForms = () => forms.clear();

class Form {
  #values = new Map();
  errors = {};

  get(block, action) {
    return this.#values.get(`${block} ${action}`)?.value;
  }

  // The value an element starts with: what was typed before, else what the app gave as initial.
  start(block, action, initial) {
    const key = `${block} ${action}`;
    if (!this.#values.has(key)) this.#values.set(key, { block, action, value: initial });
    return this.#values.get(key).value;
  }

  set(block, action, value) {
    this.#values.set(`${block} ${action}`, { block, action, value });
  }

  // Only what is on screen counts: a view update may have removed a block.
  values(shown) {
    const result = {};
    for (const { block, action, value } of this.#values.values()) {
      if (shown && !shown.has(`${block} ${action}`)) continue;
      (result[block] ??= {})[action] = value;
    }
    return result;
  }
}

export function shownElements(blocks) {
  const shown = new Set();
  for (const block of blocks ?? []) {
    for (const element of [block.element, block.accessory, ...(block.type === "actions" ? block.elements ?? [] : [])]) {
      if (element?.action_id) shown.add(`${block.block_id} ${element.action_id}`);
    }
  }
  return shown;
}
