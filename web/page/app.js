// The page: what the sidecar holds and does. It reads, and never writes.
import { element, byId, bytes, number, counted, duration, until, clock, age, say } from './dom.js';
import { ask, raw, readiness, keepToken, onTokenNeeded, Failure } from './api.js';
import { valueView, copyButtons, bytesOf } from './value.js';
import { feedView } from './feed.js';

const pageSize = 100;
const status = { prefix: 'store' };
let view = new AbortController(); // ends with the view that is shown

const link = (...parts) => `#/${parts.map(encodeURIComponent).join('/')}`;
const notice = (text, bad = false) => element('p', { class: bad ? 'notice bad' : 'notice' }, text);
const heading = (...names) => names.map((name) => (Array.isArray(name) ? element('th', { scope: 'col', class: 'number' }, name[0]) : element('th', { scope: 'col' }, name)));
const tableOf = (label, head, rows) => element('div', { class: 'table-box', tabindex: '0', role: 'region', 'aria-label': label },
  element('table', {}, element('thead', {}, element('tr', {}, head)), element('tbody', {}, rows)));

// every calls work now, and again and again until the signal aborts.
function every(milliseconds, signal, work) {
  const again = async () => {
    if (signal.aborted) return;
    if (!document.hidden) await work().catch(() => {});
    if (!signal.aborted) setTimeout(again, milliseconds);
  };
  return again();
}

// The head.

async function head() {
  const state = byId('state');
  let ready;
  try {
    ready = await readiness();
    Object.assign(status, await ask('admin', 'status'));
  } catch (failure) {
    state.textContent = failure instanceof Failure ? failure.message : 'not reachable: reconnecting …';
    state.className = 'state bad';
    return;
  }
  const reasons = (ready.reasons ?? []).map((reason) => reason.message ?? reason.reason ?? reason);
  state.textContent = ready.ready === false || reasons.length ? `not ready: ${reasons.join('; ')}` : 'ready';
  state.className = reasons.length ? 'state bad' : 'state';
  const durability = { full: 'fsynced before the reply', relaxed: 'survives a crash, not a power cut', memory: 'in memory: ends with this process' }[status.durability] ?? status.durability;
  const journal = status.journal?.endpoint ? `${number(status.journal.pending)} pending` : 'no endpoint';
  byId('facts').replaceChildren(...[['Writes', durability], ['Keys', number(status.entries)], ['Backlog', counted(status.backlog, 'change')], ['Journal', journal], ['Version', status.version]]
    .map(([name, text]) => element('div', {}, element('dt', {}, name), element('dd', {}, text))));
  document.title = reasons.length ? 'storebus: not ready' : 'storebus';
}

// The namespaces.

const shown = { prefix: '', names: [], next: undefined };

async function namespaces(more = false) {
  const reply = await ask('admin', 'namespaces', { prefix: shown.prefix, limit: more ? pageSize : Math.max(pageSize, shown.names.length), after: more ? shown.next : undefined });
  shown.names = more ? [...shown.names, ...reply.namespaces] : reply.namespaces;
  shown.next = reply.next;
  const current = place()[0];
  byId('namespaces').replaceChildren(...shown.names.map((namespace) => element('li', {},
    element('a', { href: link(namespace.namespace), 'aria-current': namespace.namespace === current ? 'page' : undefined }, namespace.namespace,
      element('small', {}, `${counted(namespace.keys, 'key')}, ${bytes(namespace.bytes)}`)))));
  byId('namespaces-more').hidden = !reply.next;
  return shown.names;
}

// The views. Each gets the rest of the address and a signal that ends it.

async function start(signal) {
  const names = await namespaces();
  const box = element('section', { class: 'panel', 'aria-label': 'Verbs' });
  const overview = element('section', { class: 'panel', 'aria-label': 'Overview' });
  if (names.length) every(5000, signal, () => overviewOf(overview));
  const welcome = names.length ? '' : element('section', { class: 'panel', 'aria-label': 'First steps' }, element('h2', {}, 'Nothing is stored yet'),
    element('p', {}, 'Write a key, and watch it arrive here:'),
    element('pre', { tabindex: '0' }, `storebus set acme config theme dark\nnats req ${status.prefix ?? 'store'}.acme.set '{"group":"config","key":"theme","value":"dark"}'`));
  if (!names.length) {
    every(1500, signal, async () => { if ((await namespaces()).length) route(); });
  }
  verbs(box, signal);
  return [element('h1', {}, 'This sidecar'), welcome, names.length ? overview : '', box];
}

// overviewOf shows the first namespaces beside their quotas.
async function overviewOf(box) {
  const first = shown.names.slice(0, 25);
  const limits = await Promise.all(first.map(({ namespace }) => ask('admin', 'quota', { namespace })));
  const meter = (title, used, limit, text) => element('td', { class: 'meter' }, limit ? `${text(used)} of ${text(limit)}` : text(used),
    limit ? element('progress', { max: String(limit), value: String(Math.min(used, limit)), 'aria-label': `${title}: ${text(used)} of ${text(limit)}` }) : '');
  box.replaceChildren(element('h2', {}, 'Namespaces'), tableOf('Table of namespaces', heading('Namespace', 'Keys', 'Groups', 'Bytes', ['Revision']), first.map((namespace, index) => element('tr', {},
    element('td', { class: 'wide' }, element('a', { href: link(namespace.namespace) }, namespace.namespace)),
    meter(`Keys of ${namespace.namespace}`, namespace.keys, limits[index].max_keys, number), meter(`Groups of ${namespace.namespace}`, namespace.groups, limits[index].max_groups, number),
    meter(`Bytes of ${namespace.namespace}`, namespace.bytes, limits[index].max_bytes, bytes), element('td', { class: 'number' }, number(namespace.revision))))));
}

// verbs shows rates and latencies, with the last two minutes as lines.
function verbs(box, signal) {
  const samples = new Map();
  let last = null;
  return every(2000, signal, async () => {
    const now = await ask('admin', 'statistics', {}, signal);
    const seconds = last ? (Date.parse(now.time) - Date.parse(last.time)) / 1000 : 0;
    const rows = Object.entries(now.verbs).filter(([, figures]) => figures.answered > 0).sort(([, one], [, other]) => other.answered - one.answered).map(([verb, figures]) => {
      const rate = seconds > 0 ? Math.max(0, figures.answered - (last.verbs[verb]?.answered ?? 0)) / seconds : 0;
      const line = [...(samples.get(verb) ?? []), rate].slice(-60);
      samples.set(verb, line);
      const errors = Object.entries(figures.errors ?? {}).map(([name, count]) => `${number(count)} ${name}`).join(', ');
      return element('tr', {}, element('td', { class: 'mono' }, verb), element('td', { class: 'number' }, rate.toFixed(rate < 10 ? 1 : 0)), element('td', {}, spark(verb, line)),
        element('td', { class: 'number' }, number(figures.answered)), element('td', { class: 'number' }, duration(figures.latency_ns.p50)), element('td', { class: 'number' }, duration(figures.latency_ns.p99)),
        element('td', { class: 'wide' }, errors || '–'));
    });
    last = now;
    box.replaceChildren(element('h2', {}, 'Verbs'), rows.length
      ? tableOf('Table of verbs', heading('Verb', ['Per second'], 'Two minutes', ['Answered'], ['p50'], ['p99'], 'Errors'), rows) : element('p', { class: 'soft' }, 'Nobody has asked for anything yet.'));
  });
}

function spark(name, line) {
  const most = Math.max(1, ...line);
  const points = line.map((value, index) => `${(index * 120 / 59).toFixed(1)},${(23 - value / most * 22).toFixed(1)}`).join(' ');
  return element('svg', { class: 'spark', viewBox: '0 0 120 24', role: 'img', 'aria-label': `${name}: at most ${most.toFixed(1)} a second` }, element('polyline', { points }));
}

const tabs = [['data', 'Data'], ['live', 'Live changes'], ['journal', 'Journal'], ['workspaces', 'Workspaces']];

async function namespaceView([namespace, tab = 'data', ...rest], signal) {
  const shownTab = { data: dataView, live: feedView, journal: journalView, workspaces: workspacesView }[tab] ?? dataView;
  const quotas = element('section', { class: 'panel', 'aria-label': 'Quota' });
  const content = await shownTab(namespace, signal, rest).catch((failure) => notice(failure.message, true));
  if (tab === 'data') every(3000, signal, () => quota(namespace, quotas));
  return [element('h1', {}, namespace),
    element('nav', { class: 'tabs', 'aria-label': `Parts of ${namespace}` }, tabs.map(([name, title]) => element('a', { href: link(namespace, name), 'aria-current': name === tab ? 'page' : undefined }, title))),
    tab === 'data' ? quotas : '', content];
}

async function quota(namespace, box) {
  const [limits, known] = await Promise.all([ask('admin', 'quota', { namespace }), ask('admin', 'namespaces', { prefix: namespace, limit: 1 })]);
  const usage = known.namespaces.find((found) => found.namespace === namespace) ?? { keys: 0, groups: 0, bytes: 0, revision: 0 };
  const bar = (title, used, limit, text) => element('div', {}, element('div', { class: 'bar-name' }, element('span', {}, title), element('span', {}, limit ? `${text(used)} of ${text(limit)}` : text(used))),
    limit ? element('progress', { max: String(limit), value: String(Math.min(used, limit)), 'aria-label': `${title}: ${text(used)} of ${text(limit)}` }) : element('small', { class: 'soft' }, 'no limit'));
  box.replaceChildren(element('div', { class: 'bars' }, bar('Keys', usage.keys, limits.max_keys, number), bar('Groups', usage.groups, limits.max_groups, number), bar('Bytes', usage.bytes, limits.max_bytes, bytes),
    element('div', {}, element('div', { class: 'bar-name' }, element('span', {}, 'Revision'), element('span', {}, number(usage.revision))), element('small', { class: 'soft' }, limits.max_value_bytes ? `values up to ${bytes(limits.max_value_bytes)}` : 'values of any size'))));
}

// pages shows a list that comes in pages, with a search for a prefix.
function pages(title, id, load, row, signal) {
  const list = element('ul', { class: 'list', tabindex: '0', 'aria-label': title });
  const more = element('button', { type: 'button', class: 'quiet', hidden: true }, 'More');
  const search = element('input', { type: 'search', id, autocomplete: 'off', spellcheck: 'false' });
  let next;
  let turn = 0;
  const read = async (first) => {
    const mine = ++turn;
    try {
      const page = await load({ prefix: search.value, after: first ? undefined : next, limit: pageSize }, signal);
      if (mine !== turn) return;
      next = page.next;
      const rows = page.elements.map(row);
      if (first) list.replaceChildren(...(rows.length || next ? rows : [element('li', { class: 'soft' }, search.value ? 'nothing begins with this' : 'empty')]));
      else list.append(...rows);
      more.hidden = !next;
    } catch (failure) {
      if (!signal.aborted) list.replaceChildren(element('li', {}, notice(failure.message, true)));
    }
  };
  more.addEventListener('click', () => read(false));
  search.addEventListener('input', () => read(true));
  read(true);
  return element('section', { class: 'panel', 'aria-label': title }, element('h2', {}, title), element('label', { class: 'field', for: id }, element('span', {}, 'Begins with'), search), list, more);
}

async function dataView(namespace, signal, [group, key]) {
  const groups = pages('Groups', 'group-prefix', async (fields) => { const page = await ask(namespace, 'groups', fields, signal); return { elements: page.groups, next: page.next }; },
    (found) => element('li', {}, element('a', { href: link(namespace, 'data', found.group), 'aria-current': found.group === group ? 'true' : undefined },
      element('span', { class: 'name' }, found.group), element('span', { class: 'count' }, counted(found.keys, 'key')))), signal);
  const keys = group === undefined ? element('section', { class: 'panel', 'aria-label': 'Keys' }, element('p', { class: 'soft' }, 'Choose a group to see its keys.'))
    : pages(`Keys of ${group}`, 'key-prefix', async (fields) => { const page = await ask(namespace, 'list', { ...fields, group, keys_only: true }, signal); return { elements: page.entries, next: page.next }; },
      (entry) => element('li', {}, element('a', { href: link(namespace, 'data', group, entry.key), 'aria-current': entry.key === key ? 'true' : undefined },
        element('span', { class: 'name' }, entry.key), element('span', { class: 'count' }, entry.expires_at ? until(entry.expires_at) : `rev ${entry.revision}`))), signal);
  const entry = key === undefined ? '' : await entryView(namespace, group, key, signal);
  return element('div', { class: 'split' }, groups, keys, entry);
}

async function entryView(namespace, group, key, signal) {
  const box = element('section', { class: 'panel', 'aria-label': 'Entry' });
  const show = async () => {
    let entry;
    let content;
    try {
      entry = await ask(namespace, 'get', { group, key }, signal);
      content = bytesOf(entry);
    } catch (failure) {
      if (!(failure instanceof Failure) || failure.code !== 413) throw failure;
      [entry, content] = [{ group, key }, await raw(namespace, group, key)];
    }
    const left = element('span');
    const count = () => { left.textContent = entry.expires_at ? `in ${until(entry.expires_at)}` : 'never'; };
    count();
    if (entry.expires_at) every(1000, signal, async () => count());
    box.replaceChildren(element('h2', {}, `${group}/${key}`), element('dl', { class: 'details' },
      [['Revision', entry.revision ?? '–'], ['Changed', entry.updated_at ? `${clock(entry.updated_at)} UTC, ${age(entry.updated_at)} ago` : '–'], ['Expires', left], ['Size', bytes(content.length)]]
        .flatMap(([name, text]) => [element('dt', {}, name), element('dd', {}, text)])),
    valueView(content), copyButtons(status.prefix ?? 'store', namespace, group, key),
    element('p', {}, element('button', { type: 'button', class: 'quiet', onclick: () => show().then(() => say('Read again')).catch(failed) }, 'Read again')));
  };
  const failed = (failure) => box.replaceChildren(element('h2', {}, `${group}/${key}`), notice(failure.code === 404 ? 'This key is not there any more: it was deleted, or it has expired.' : failure.message, failure.code !== 404));
  await show().catch(failed);
  return box;
}

async function journalView(namespace, signal) {
  const box = element('section', { class: 'panel', 'aria-label': 'Journal' });
  await every(3000, signal, async () => {
    const [journal, rejected] = await Promise.all([ask(namespace, 'journal_status', {}, signal), ask(namespace, 'journal_rejected', { limit: 50 }, signal)]);
    const facts = [['Endpoint', journal.endpoint ?? 'none: points are kept until there is one'], ['Pending', number(journal.pending) + (journal.oldest_pending_at ? `, the oldest for ${age(journal.oldest_pending_at)}` : '')],
      ['Delivered', number(journal.delivered)], ['Refused', number(journal.rejected)]];
    box.replaceChildren(element('dl', { class: 'details' }, facts.flatMap(([name, text]) => [element('dt', {}, name), element('dd', {}, text)])),
      journal.last_error ? notice(journal.last_error, true) : '',
      rejected.entries.length ? tableOf('Table of refused points', heading(['Id'], 'Measurement', ['Status'], 'Reason', 'Refused at'), rejected.entries.map((entry) => element('tr', {}, element('td', { class: 'number' }, String(entry.entry_id)),
        element('td', {}, entry.measurement), element('td', { class: 'number' }, String(entry.status)), element('td', { class: 'wide' }, entry.reason), element('td', {}, `${age(entry.rejected_at)} ago`))))
        : element('p', { class: 'soft' }, 'No point was refused.'));
  });
  return box;
}

async function workspacesView(namespace, signal) {
  const { workspaces } = await ask(namespace, 'workspaces', {}, signal);
  return element('section', { class: 'panel', 'aria-label': 'Workspaces' }, workspaces.length
    ? tableOf('Table of workspaces', heading('Name', ['Entries'], 'Opened', 'State'), workspaces.map((workspace) => element('tr', {}, element('td', { class: 'wide' }, workspace.workspace), element('td', { class: 'number' }, number(workspace.entries)),
      element('td', {}, `${age(workspace.opened_at)} ago`), element('td', {}, workspace.orphaned ? 'orphaned: nobody has opened it since the start' : 'open'))))
    : element('p', { class: 'soft' }, 'No workspace is open.'));
}

// Addresses: #/acme/data/config/theme.

const place = () => location.hash.replace(/^#\/?/, '').split('/').filter((part) => part !== '').map((part) => { try { return decodeURIComponent(part); } catch { return part; } });

async function route(focus = false) {
  view.abort();
  view = new AbortController();
  const { signal } = view;
  const parts = place();
  let content;
  try {
    content = parts.length ? await namespaceView(parts, signal) : await start(signal);
  } catch (failure) {
    content = [notice(failure.message, true)];
  }
  if (signal.aborted) return;
  byId('main').replaceChildren(...content.filter((part) => part !== ''));
  if (focus) byId('main').focus({ preventScroll: true });
  namespaces().catch(() => {});
}

onTokenNeeded(() => new Promise((resolve) => {
  const dialog = byId('token-dialog');
  const done = (given) => { dialog.close(); resolve(given); };
  byId('token-form').onsubmit = (event) => { event.preventDefault(); keepToken(byId('token').value.trim()); byId('token').value = ''; done(true); };
  byId('token-cancel').onclick = () => done(false);
  dialog.oncancel = () => resolve(false);
  dialog.showModal();
}));
byId('namespace-prefix').addEventListener('input', (event) => { shown.prefix = event.target.value; namespaces().catch(() => {}); });
byId('namespaces-more').addEventListener('click', () => namespaces(true).catch(() => {}));
// The address belongs to the views, so the link moves the focus and leaves it alone.
document.querySelector('.skip').addEventListener('click', (event) => { event.preventDefault(); byId('main').focus(); });
addEventListener('hashchange', () => route(true));
const always = new AbortController();
await every(3000, always.signal, head);
every(5000, always.signal, namespaces);
route();
