// The live feed of a namespace: every change once, in order, with a filter and a pause.
import { element, clock, counted, say } from './dom.js';
import { ask, follow, Failure } from './api.js';

const shownRows = 500;
const newestRows = 50; // that are shown at once

const preview = (change) => {
  if (change.value_omitted) return '(a large value)';
  if (change.value === undefined) return '';
  const text = change.encoding === 'base64' ? `base64 ${change.value}` : change.value;
  return text.length > 120 ? `${text.slice(0, 120)} …` : text;
};

// feedView shows the newest changes, and each that comes. The signal ends it.
export async function feedView(namespace, signal) {
  const usage = await ask(namespace, 'usage', {}, signal);
  const position = { after: Math.max(0, usage.revision - newestRows), store: usage.store };
  const oldest = await ask(namespace, 'changes', { after: position.after, limit: 1 }, signal).catch((failure) => failure);
  if (oldest instanceof Failure) position.after = usage.revision;
  const body = element('tbody');
  const state = element('p', { class: 'soft', role: 'status' });
  const gap = element('div');
  const filter = element('input', { type: 'search', id: 'feed-filter', autocomplete: 'off', spellcheck: 'false' });
  const type = element('select', { id: 'feed-type' }, ['every type', 'set', 'delete', 'delete_group', 'touch', 'expire'].map((name) => element('option', {}, name)));
  const pause = element('button', { type: 'button', class: 'quiet' }, 'Pause');
  let seen = 0;
  let running = null;

  const fits = (change) => (type.selectedIndex === 0 || type.value === change.type)
    && `${change.group} ${change.key ?? ''}`.toLowerCase().includes(filter.value.toLowerCase());
  const refilter = () => { for (const row of body.rows) row.hidden = !fits(row.change); };
  filter.addEventListener('input', refilter);
  type.addEventListener('change', refilter);

  const add = (change) => {
    position.after = change.revision;
    position.store = change.store;
    seen++;
    const entry = `#/${encodeURIComponent(namespace)}/data/${encodeURIComponent(change.group)}${change.key === undefined ? '' : `/${encodeURIComponent(change.key)}`}`;
    const row = element('tr', { class: 'fresh', 'data-revision': String(change.revision) },
      element('td', { class: 'number' }, String(change.revision)), element('td', { class: 'mono' }, clock(change.timestamp)),
      element('td', {}, element('span', { class: `type type-${change.type}` }, change.type)),
      element('td', { class: 'wide' }, element('a', { href: entry }, change.key === undefined ? change.group : `${change.group}/${change.key}`)),
      element('td', { class: 'wide mono' }, preview(change)));
    row.change = change;
    row.hidden = !fits(change);
    body.prepend(row);
    while (body.rows.length > shownRows) body.lastElementChild.remove();
    tell();
  };
  let connected = false;
  const tell = () => {
    state.textContent = running === null ? `Paused after revision ${position.after}. Nothing is lost: continue reads what came since.`
      : `${connected ? 'Live' : 'Reconnecting'}, after revision ${position.after}; ${counted(seen, 'change')} shown.`;
  };
  const start = () => {
    const abort = new AbortController();
    running = abort;
    signal.addEventListener('abort', () => abort.abort(), { once: true });
    follow(namespace, { ...position }, {
      change: add,
      state: (now) => { connected = now; tell(); },
      compacted: (outside) => {
        gap.replaceChildren(element('p', { class: 'notice bad' }, `The log does not hold everything after revision ${position.after} any more: ${outside.message}. The feed goes on from what stands now; look at the data for the rest.`));
        position.after = outside.revision ?? position.after;
        position.store = outside.store ?? position.store;
      },
    }, abort.signal).catch((failure) => { if (!abort.signal.aborted) gap.replaceChildren(element('p', { class: 'notice bad' }, failure.message)); });
    tell();
  };
  pause.addEventListener('click', () => {
    if (running) { running.abort(); running = null; } else start();
    pause.textContent = running ? 'Pause' : 'Continue';
    tell();
    say(state.textContent);
  });
  start();
  return element('section', { class: 'panel', 'aria-label': 'Live changes' },
    element('div', { class: 'row' },
      element('label', { class: 'field', for: 'feed-filter' }, element('span', {}, 'Group or key contains'), filter),
      element('label', { class: 'field', for: 'feed-type' }, element('span', {}, 'Type'), type), pause),
    state, gap,
    element('div', { class: 'table-box', tabindex: '0', role: 'region', 'aria-label': 'Changes, the newest first' }, element('table', { id: 'feed' },
      element('thead', {}, element('tr', {}, ['Revision', 'Time (UTC)', 'Type', 'Group and key', 'Value'].map((name, index) => element('th', { scope: 'col', class: index === 0 ? 'number' : '' }, name)))), body)));
}
