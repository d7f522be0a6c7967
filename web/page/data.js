// The data of a namespace: its groups, the keys of one, and an entry.
import { element, every, link, notice, panel, renew } from './dom.js';
import { counted, until } from './words.js';
import { ask } from './api.js';
import { entryView } from './entry.js';
import { follow } from './stream.js';
import { quotaBars } from './quota.js';

const pageSize = 100;

// dataView shows what stands now, and reads it again if the namespace has changed.
export async function dataView(namespace, signal, [group, key]) {
  await ask(namespace, 'groups', { limit: 1 }, signal); // what hinders one part hinders all: it is told once
  const quota = element('section', { class: 'panel', 'aria-label': 'Quota' });
  const groups = pages('Groups', 'group-prefix', signal, async (fields) => {
    const { groups: elements, next } = await ask(namespace, 'groups', fields, signal);
    return { next, rows: elements.map((found) => row(link(namespace, 'data', found.group), found.group, found.group === group, counted(found.keys, 'key'))) };
  });
  const keys = group === undefined ? undefined : pages(`Keys of ${group}`, 'key-prefix', signal, async (fields) => {
    const { entries, next } = await ask(namespace, 'list', { ...fields, group, keys_only: true }, signal);
    return { next, rows: entries.map((entry) => row(link(namespace, 'data', group, entry.key), entry.key, entry.key === key, remark(entry))) };
  });
  const entry = key === undefined ? undefined : await followed(namespace, group, key, signal);
  let revision;
  await every(2000, signal, async () => {
    const usage = await ask(namespace, 'usage', {}, signal);
    renew(quota, quotaBars(usage));
    if (revision !== undefined && revision !== usage.revision) [groups, keys, entry].forEach((part) => part?.refresh());
    ({ revision } = usage);
  });
  const depth = key !== undefined ? 'entry' : group !== undefined ? 'keys' : 'groups';
  return element('div', { class: 'stack' }, quota, crumbs(namespace, group, key), element('div', { class: `split at-${depth}` }, groups.content,
    keys?.content ?? panel('Keys', element('p', { class: 'soft' }, 'Choose a group to see its keys.')), entry?.content));
}

// followed shows an entry, which tells at once that it has changed.
async function followed(namespace, group, key, signal) {
  const { revision: after, store } = await ask(namespace, 'usage', {}, signal);
  const entry = await entryView(namespace, group, key, signal);
  const concerns = (change) => change.group === group && (change.key === undefined || change.key === key);
  follow(namespace, { after, store }, {
    change: (change) => { if (concerns(change)) entry.refresh(); }, compacted: entry.refresh, state: () => {},
  }, signal).catch(() => {}); // it is read every two seconds too
  return entry;
}

// crumbs lead back, which on a small screen nothing else does.
const crumbs = (namespace, group, key) => element('nav', { class: 'crumbs', 'aria-label': 'Where you are' },
  group === undefined ? '' : element('a', { href: link(namespace, 'data') }, 'All groups'),
  key === undefined ? '' : element('a', { href: link(namespace, 'data', group) }, group));

// An expiry counts down every second: see tick.
const remark = (entry) => (entry.expires_at ? element('span', { 'data-until': entry.expires_at }, `expires in ${until(entry.expires_at)}`) : `rev ${entry.revision}`);

const row = (address, name, chosen, text) => element('li', { 'data-key': name }, element('a', { href: address, 'aria-current': chosen ? 'true' : undefined },
  element('span', { class: 'name' }, name), element('span', { class: 'count' }, text)));

// pages shows a list that comes in pages, with a search for a prefix. refresh reads its
// first page again, as long as that is all that is shown.
function pages(title, id, signal, load) {
  const list = element('ul', { class: 'list', tabindex: '0', 'aria-label': title });
  const more = element('button', { type: 'button', class: 'quiet', hidden: true }, 'More');
  const search = element('input', { type: 'search', id, autocomplete: 'off', spellcheck: 'false' });
  let next;
  let shown = 0; // pages
  let turn = 0;
  const read = async (first) => {
    const mine = ++turn;
    try {
      const page = await load({ prefix: search.value, after: first ? undefined : next, limit: pageSize });
      if (mine !== turn) return;
      ({ next } = page);
      shown = first ? 1 : shown + 1;
      if (!first) list.append(...page.rows);
      else renew(list, page.rows.length || next ? page.rows : element('li', { class: 'soft' }, search.value ? 'Nothing begins with this.' : 'Nothing is here.'));
      more.hidden = !next;
    } catch (failure) {
      if (!signal.aborted) list.replaceChildren(element('li', {}, notice(failure.message, true)));
    }
  };
  more.addEventListener('click', () => read(false));
  search.addEventListener('input', () => read(true));
  read(true);
  every(1000, signal, async () => tick(list));
  return {
    content: element('section', { class: 'panel', 'aria-label': title }, element('h2', {}, title),
      element('label', { class: 'field', for: id }, element('span', {}, 'Names that begin with'), search), list, more),
    refresh: () => { if (shown < 2) read(true); },
  };
}

function tick(list) {
  for (const part of list.querySelectorAll('[data-until]')) {
    const left = until(part.dataset.until);
    part.textContent = left ? `expires in ${left}` : 'expired';
  }
}
