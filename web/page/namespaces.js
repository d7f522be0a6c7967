// The list of namespaces at the side.
import { byId, element, link, renew } from './dom.js';
import { bytes, counted } from './words.js';
import { ask } from './api.js';

const pageSize = 100;
const few = 12; // namespaces that need no search on a small screen
const list = { prefix: '', names: [], next: undefined, current: undefined };

// namespaces are those that are shown now.
export const namespaces = () => list.names;

// readNamespaces reads what is shown again, or one page more.
export async function readNamespaces(more = false) {
  const { prefix } = list;
  const reply = await ask('admin', 'namespaces', more ? { prefix, limit: pageSize, after: list.next } : { prefix, limit: Math.max(pageSize, list.names.length) });
  if (prefix !== list.prefix) return list.names;
  list.names = more ? [...list.names, ...reply.namespaces] : reply.namespaces;
  list.next = reply.next;
  show();
  return list.names;
}

// choose marks a namespace as the one that is shown beside the list.
export function choose(namespace) {
  list.current = namespace;
  show();
}

function show() {
  const none = list.prefix ? 'No namespace begins with this.' : 'There is no namespace yet.';
  renew(byId('namespaces'), list.names.length ? list.names.map(item) : element('li', { class: 'soft' }, none));
  byId('namespaces-more').hidden = !list.next;
  byId('side').classList.toggle('few', list.names.length <= few && !list.prefix);
}

const item = ({ namespace, keys, bytes: size }) => element('li', { 'data-key': namespace },
  element('a', { href: link(namespace), 'aria-current': namespace === list.current ? 'page' : undefined }, element('span', {}, namespace),
    element('small', {}, `${counted(keys, 'key')}, ${bytes(size)}`)));

byId('namespace-prefix').addEventListener('input', (event) => { list.prefix = event.target.value; readNamespaces().catch(() => {}); });
byId('namespaces-more').addEventListener('click', () => readNamespaces(true).catch(() => {}));
