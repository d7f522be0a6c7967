// What the page asks the sidecar: the verbs of the bus over GET, and the feed of changes.

const tokenName = 'storebus-token';
let askForToken = async () => false;

// onTokenNeeded sets what asks for a token; it resolves to whether one was given.
export function onTokenNeeded(ask) { askForToken = ask; }

export function keepToken(token) { sessionStorage.setItem(tokenName, token); }

const headers = () => {
  const token = sessionStorage.getItem(tokenName);
  return token ? { Authorization: `Bearer ${token}` } : {};
};

// Failure is an error reply: its code, name and message are those of the bus.
export class Failure extends Error {
  constructor(code, name, message) {
    super(message);
    this.code = code;
    this.name = name || 'error';
  }
}

async function failureOf(response) {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text);
    return new Failure(error.code, error.name, error.message);
  } catch {
    return new Failure(response.status, '', text.slice(0, 200) || response.statusText);
  }
}

let asking = null;

// allowed asks for a token once, however many requests need it.
function allowed() {
  asking ??= askForToken().finally(() => { asking = null; });
  return asking;
}

async function request(path, options = {}) {
  for (let attempt = 0; ; attempt++) {
    const response = await fetch(path, { cache: 'no-store', ...options, headers: { ...headers(), ...options.headers } });
    if (response.ok) return response;
    if (response.status !== 401 || attempt > 0 || !await allowed()) throw await failureOf(response);
  }
}

const query = (fields) => {
  const parameters = new URLSearchParams(Object.entries(fields).filter(([, value]) => value !== undefined && value !== ''));
  return parameters.size ? `?${parameters}` : '';
};

// ask calls a read verb: ask('acme', 'list', {group: 'config'}).
export async function ask(namespace, verb, fields = {}, signal = undefined) {
  const response = await request(`v1/${encodeURIComponent(namespace)}/${verb}${query(fields)}`, { signal, headers: { Accept: 'application/json' } });
  return response.json();
}

// raw gives the bytes of a value.
export async function raw(namespace, group, key) {
  const response = await request(`v1/${encodeURIComponent(namespace)}/${encodeURIComponent(group)}/${encodeURIComponent(key)}`);
  return new Uint8Array(await response.arrayBuffer());
}

// readiness gives what /readyz says.
export async function readiness() {
  const response = await fetch('readyz', { cache: 'no-store' });
  return response.json();
}

// follow calls on.change with each change after a revision, in order and once, across
// restarts of the sidecar, until the signal aborts. on.state tells of the connection,
// on.compacted of changes that the log holds no longer.
export async function follow(namespace, from, on, signal) {
  let { after, store } = from;
  let pause = 500;
  while (!signal.aborted) {
    const attempt = new AbortController();
    const end = () => attempt.abort();
    signal.addEventListener('abort', end, { once: true });
    try {
      const response = await Promise.race([request(`v1/${encodeURIComponent(namespace)}/changes${query({ after, store })}`, { signal: attempt.signal }), quiet(10000)]);
      on.state(true);
      for await (const message of messages(response.body)) {
        pause = 500;
        if (message.event === 'change') {
          const change = JSON.parse(message.data);
          if (change.revision <= after) continue;
          after = change.revision;
          store = change.store;
          on.change(change);
        } else if (message.event === 'compacted') {
          const parsed = JSON.parse(message.data);
          const outside = parsed.error ?? parsed;
          on.compacted(outside);
          after = outside.revision;
          store = outside.store;
        }
      }
    } catch (failure) {
      if (signal.aborted) return;
      if (failure instanceof Failure && failure.code === 410) {
        on.compacted(failure);
        return;
      }
      if (failure instanceof Failure && failure.code < 500) throw failure;
    } finally {
      signal.removeEventListener('abort', end);
      end();
    }
    if (signal.aborted) return;
    on.state(false);
    await new Promise((resolve) => { setTimeout(resolve, pause); signal.addEventListener('abort', resolve, { once: true }); });
    pause = Math.min(pause * 2, 5000);
  }
}

// messages reads server-sent events. Its stream ends with an error if nothing, not even a
// comment, has come for 45 seconds.
async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  try {
    for (;;) {
      const { value, done } = await Promise.race([reader.read(), quiet(45000)]);
      if (done) return;
      text += value;
      let end;
      while ((end = text.indexOf('\n\n')) >= 0) {
        const message = { event: 'message', data: '' };
        for (const line of text.slice(0, end).split('\n')) {
          const [, name, content] = /^([a-z]*): ?(.*)$/.exec(line) ?? [];
          if (name === 'event') message.event = content;
          if (name === 'data') message.data += content;
        }
        text = text.slice(end + 2);
        if (message.data) yield message;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

const quiet = (milliseconds) => new Promise((_, reject) => { setTimeout(() => reject(new Error('nothing was heard')), milliseconds); });
