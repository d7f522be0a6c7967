// What the page asks the sidecar: the verbs of the bus, over GET.
import { needed, kept, forget } from './token.js';

// Failure is an error reply: its code, name, message and details are those of the bus.
export class Failure extends Error {
  constructor(code, { name, message, ...details }) {
    super(message);
    this.code = code;
    this.name = name || 'error';
    this.details = details;
  }
}

async function failureOf(response) {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text);
    return new Failure(error.code, error);
  } catch {
    return new Failure(response.status, { message: text.slice(0, 200) || response.statusText || `status ${response.status}` });
  }
}

const hidden = 'Values, keys and changes are hidden here, because the broker is not the sidecar’s own or asks for credentials. Start the sidecar with --http-token-file, and enter its token.';

// request gets a path. If it needs a token, the token is asked for, and the path again.
export async function request(path, options = {}) {
  for (let asked = false; ;) {
    const token = kept();
    const authorisation = token ? { Authorization: `Bearer ${token}` } : {};
    const response = await fetch(path, { cache: 'no-store', ...options, headers: { ...authorisation, ...options.headers } });
    if (response.ok) return response;
    const failure = await failureOf(response);
    if (failure.code !== 401) throw failure;
    if (token) { // it was replaced: with a wrong one not even counts are shown
      if (kept() === token) forget();
      continue;
    }
    // A sidecar that has no token takes none.
    if (failure.message.includes('start the sidecar with')) throw new Failure(401, { name: failure.name, message: hidden });
    if (asked || !await needed()) throw new Failure(401, { name: failure.name, message: 'This needs the token: press “Enter token”.' });
    asked = true;
  }
}

// query makes the query of an address, without what is not given.
export function query(fields) {
  const parameters = new URLSearchParams(Object.entries(fields).filter(([, value]) => value !== undefined && value !== ''));
  return parameters.size ? `?${parameters}` : '';
}

// pathOf is the path of a verb: pathOf('acme', 'list', {group: 'config'}).
export const pathOf = (namespace, verb, fields = {}) => `v1/${encodeURIComponent(namespace)}/${verb}${query(fields)}`;

// ask calls a read verb: ask('acme', 'list', {group: 'config'}). An operator's verbs are
// those of the namespace "admin".
export async function ask(namespace, verb, fields = {}, signal = undefined) {
  const response = await request(pathOf(namespace, verb, fields), { signal, headers: { Accept: 'application/json' } });
  return response.json();
}

// valuePath is the path of a value itself; undefined for names that no path can have.
export function valuePath(namespace, group, key) {
  const parts = [group, ...key.split('/')];
  if (parts.some((part) => part === '.' || part === '..' || part === '')) return undefined;
  return `v1/${encodeURIComponent(namespace)}/${encodeURIComponent(group)}/${encodeURIComponent(key)}`;
}

// raw gives the bytes of a value, however large it is.
export async function raw(namespace, group, key, signal) {
  const path = valuePath(namespace, group, key);
  if (!path) throw new Failure(413, { name: 'too_large', message: 'This value is too large for a reply, and its name has no path: use NATS to read it.' });
  const response = await request(path, { signal });
  const entry = {
    group, key, revision: Number(response.headers.get('Storebus-Revision')),
    expires_at: response.headers.get('Storebus-Expires-At') ?? undefined,
  };
  return [entry, new Uint8Array(await response.arrayBuffer())];
}

// readiness gives what /readyz says.
export async function readiness() {
  const response = await fetch('readyz', { cache: 'no-store' });
  return response.json();
}
