// The changes of a namespace: live, every change once and in order, and back through the log.
import { element, notice, say } from './dom.js';
import { counted } from './words.js';
import { ask, Failure } from './api.js';
import { follow } from './stream.js';
import { changeRow, changeTable, types } from './change.js';
import { historyView } from './history.js';

const shownRows = 500;
const firstRows = 50; // that are shown at once

// feedView shows the newest changes and each that comes, or those around a revision. The
// signal ends it.
export async function feedView(namespace, signal, [revision]) {
  const usage = await ask(namespace, 'usage', {}, signal);
  const filter = filterOf();
  const live = liveView(namespace, await begin(namespace, usage, signal), filter, signal);
  const history = historyView(namespace, filter, signal, (past) => live.hide(past));
  live.whenNews(history.grow);
  const shown = element('section', { class: 'panel', 'aria-label': 'Changes' },
    element('h2', { class: 'visually-hidden' }, 'Changes'), history.control,
    element('div', { class: 'row' }, filter.controls, live.pause), history.content, live.content);
  await history.start(usage.revision, /^\d+$/.test(revision ?? '') ? Number(revision) : undefined);
  return shown;
}

// begin is the position a little before what stands now, as far as the log reaches.
async function begin(namespace, usage, signal) {
  const after = Math.max(0, usage.revision - firstRows);
  try {
    await ask(namespace, 'changes', { after, limit: 1 }, signal);
    return { after, store: usage.store };
  } catch (failure) {
    if (failure.code !== 410) throw failure;
    return { after: Math.max(failure.details.oldest - 1, 0), store: usage.store };
  }
}

// filterOf are the fields that choose rows of a table by its changes.
function filterOf() {
  const words = element('input', { type: 'search', id: 'feed-filter', autocomplete: 'off', spellcheck: 'false' });
  const type = element('select', { id: 'feed-type' }, ['every type', ...types].map((name) => element('option', {}, name)));
  const bodies = [];
  const fits = (change) => (type.selectedIndex === 0 || type.value === change.type)
    && `${change.group}/${change.key ?? ''}`.toLowerCase().includes(words.value.toLowerCase());
  const apply = (rows) => { for (const row of rows) row.hidden = !fits(row.change); };
  const all = () => bodies.forEach((body) => apply(body.rows));
  words.addEventListener('input', all);
  type.addEventListener('change', all);
  return {
    apply,
    watch: (body) => bodies.push(body),
    controls: [element('label', { class: 'field', for: 'feed-filter' }, element('span', {}, 'Group or key contains'), words),
      element('label', { class: 'field', for: 'feed-type' }, element('span', {}, 'Type'), type)],
  };
}

// liveView follows the changes after a position.
function liveView(namespace, position, filter, signal) {
  const body = element('tbody', { role: 'rowgroup' });
  const state = element('p', { class: 'soft', id: 'feed-state' });
  const gap = element('div');
  const pause = element('button', { type: 'button', class: 'quiet' }, 'Pause');
  const first = position.after;
  const waiting = []; // the newest changes that are not drawn yet
  let news = () => {};
  let seen = 0;
  let running = null;
  let connected = false;
  let drawing = false;

  const tell = () => {
    const where = `after revision ${position.after}`;
    state.textContent = running === null ? `Paused ${where}. Nothing is lost: “Continue” reads what came since.`
      : `${connected ? 'Live' : 'Reconnecting'}, ${where}; ${counted(seen, 'change')} read.`;
  };
  // Rows are drawn together, so that a thousand changes a second are no more work than one.
  const draw = () => {
    drawing = false;
    const fresh = position.after > first + firstRows || seen > waiting.length;
    const rows = waiting.splice(0).map((change) => changeRow(change, fresh ? { class: 'fresh' } : {})).reverse();
    filter.apply(rows);
    body.prepend(...rows);
    while (body.rows.length > shownRows) body.lastElementChild.remove();
    news(position.after);
    tell();
  };
  const add = (change) => {
    ({ revision: position.after, store: position.store } = change);
    seen++;
    waiting.push(change);
    if (waiting.length > shownRows) waiting.shift();
    if (drawing) return;
    drawing = true;
    setTimeout(draw, 50);
  };
  const start = () => {
    const abort = new AbortController();
    running = abort;
    signal.addEventListener('abort', () => abort.abort(), { once: true });
    const events = {
      change: add,
      state: (now) => { connected = now; tell(); },
      compacted: (outside) => {
        gap.replaceChildren(notice(`Some changes are missing here. The log no longer holds everything after revision ${position.after}. The feed goes on after revision ${outside.revision}; look at the data for the rest.`, true));
        ({ revision: position.after, store: position.store } = outside);
        news(outside.revision, outside.oldest);
      },
    };
    follow(namespace, { ...position }, events, abort.signal)
      .catch((failure) => { if (!abort.signal.aborted) gap.replaceChildren(notice(failure.message, true)); });
    tell();
  };
  pause.addEventListener('click', () => {
    if (running) {
      running.abort();
      running = null;
    } else start();
    pause.textContent = running ? 'Pause' : 'Continue';
    tell();
    say(state.textContent);
  });
  filter.watch(body);
  start();
  const content = element('div', { class: 'stack' }, state, gap, changeTable('Changes, the newest first', 'feed', body));
  return { pause, content, whenNews: (call) => { news = call; }, hide: (hidden) => { content.hidden = hidden; pause.hidden = hidden; } };
}
