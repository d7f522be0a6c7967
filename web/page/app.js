// The page: what the sidecar holds and does. It reads, and never writes.
import { byId, element, every, link, notice, tabs } from './dom.js';
import { head } from './head.js';
import { choose, readNamespaces } from './namespaces.js';
import { overview, sidecarTabs } from './overview.js';
import { dataView } from './data.js';
import { feedView } from './feed.js';
import { journalView } from './journal.js';
import { workspacesView } from './workspaces.js';
import { tryView } from './try.js';
import * as token from './token.js';

// The views of a namespace. Each gets the rest of the address, and a signal that ends it.
const views = { data: dataView, live: feedView, journal: journalView, workspaces: workspacesView, try: tryView };
const titles = { data: 'Data', live: 'Changes', journal: 'Journal', workspaces: 'Workspaces', try: 'Try it' };

async function namespaceView([namespace, name, ...rest], signal) {
  const current = Object.hasOwn(views, name ?? '') ? name : 'data';
  const content = await views[current](namespace, signal, rest).catch((failure) => notice(failure.message, true));
  return [element('h1', {}, namespace), tabs(`Parts of ${namespace}`, current, Object.entries(titles).map(([part, title]) => [link(namespace, part), title, part])), content];
}

// Addresses: #/acme/data/config/theme, and #/admin/try for an operator's verbs.
const parts = () => location.hash.replace(/^#\/?/, '').split('/').filter((part) => part !== '').map((part) => {
  try { return decodeURIComponent(part); } catch { return part; }
});

async function viewOf([namespace, ...rest], signal) {
  if (namespace === undefined) return overview(signal, () => route());
  if (namespace === 'admin') return [...sidecarTabs('try'), await tryView('admin', signal, rest.slice(1))];
  return namespaceView([namespace, ...rest], signal);
}

let view = new AbortController(); // ends with the view that is shown

async function route(focus = false) {
  view.abort();
  view = new AbortController();
  const { signal } = view;
  choose(parts()[0]);
  const content = await viewOf(parts(), signal).catch((failure) => [notice(failure.message, true)]);
  if (signal.aborted) return;
  byId('main').replaceChildren(...content);
  document.querySelector('.tabs [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  if (focus) byId('main').focus({ preventScroll: true });
}

token.start(() => { head(); readNamespaces().catch(() => {}); route(); });
// The address belongs to the views, so the link moves the focus and leaves it alone.
document.querySelector('.skip').addEventListener('click', (event) => { event.preventDefault(); byId('main').focus(); });
addEventListener('hashchange', () => route(true));
const always = new AbortController();
await every(3000, always.signal, head);
every(5000, always.signal, readNamespaces);
route();
