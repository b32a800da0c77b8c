// In the place of the sandbox's module of this name: here nothing is sent, and every click is taken as done.

const done = async () => ({ ok: true });

export const api = new Proxy({}, { get: () => done });
export const failed = () => false;
export const sentence = () => "";
export const listen = () => {};
