// The revision scrubber: goes back through the changes that the log of a namespace holds.
import { element, every, link, notice, say } from './dom.js';
import { date, number } from './words.js';
import { ask, Failure } from './api.js';
import { changeRow, changeTable } from './change.js';

const around = 20; // changes that are shown on each side of a revision

// historyView gives a control that chooses a revision, and the changes around it. onPast
// is told whether the past is shown, or what is live.
export function historyView(namespace, filter, signal, onPast) {
  const log = { oldest: 1, newest: 0 };
  let current; // the revision that is shown; undefined while live
  let reading = new AbortController();
  const body = element('tbody', { role: 'rowgroup' });
  filter.watch(body);
  const slider = element('input', { type: 'range', id: 'revision-slider', min: '1', max: '1', step: '1' });
  const box = element('input', { type: 'number', id: 'revision', min: '1', step: '1', inputmode: 'numeric' });
  const about = element('span');
  const gap = element('div');
  const chosen = element('p', { id: 'revision-chosen' });
  const content = element('div', { class: 'stack', hidden: true }, chosen, changeTable('Changes around a revision, the newest first', 'history', body));
  // A button that has nothing to do keeps the focus, and does nothing.
  const button = (title, act) => {
    const made = element('button', { type: 'button', class: 'quiet' }, title);
    made.addEventListener('click', () => { if (made.ariaDisabled !== 'true') act(); });
    return made;
  };
  const older = button('Older', () => show((current ?? log.newest + 1) - 1));
  const newer = button('Newer', () => show(current + 1));
  const live = button('Live', () => showLive());

  const empty = () => log.newest < log.oldest;
  const mark = () => {
    slider.disabled = box.disabled = empty();
    slider.min = box.min = String(Math.min(log.oldest, log.newest));
    slider.max = box.max = String(log.newest);
    if (current === undefined && document.activeElement !== box) box.value = empty() ? '' : String(log.newest);
    if (current === undefined) slider.value = slider.max;
    slider.setAttribute('aria-valuetext', current === undefined ? `live, revision ${log.newest}` : `revision ${current}`);
    older.ariaDisabled = String(empty() || current === log.oldest);
    newer.ariaDisabled = String(empty() || current === undefined || current >= log.newest);
    live.ariaDisabled = String(current === undefined);
    const range = empty() ? 'The log holds no change' : `The log holds revisions ${number(log.oldest)} to ${number(log.newest)}`;
    about.textContent = log.oldest > 1 ? `${range}; older changes were compacted` : range;
  };
  const learn = (page) => {
    ({ oldest: log.oldest, revision: log.newest } = page);
    mark();
  };
  const showLive = () => {
    reading.abort();
    current = undefined;
    content.hidden = true;
    gap.replaceChildren();
    mark();
    onPast(false);
    window.history.replaceState(null, '', link(namespace, 'live'));
    say('Live changes');
  };

  // show shows what was changed around a revision; the last call wins.
  async function show(revision) {
    if (empty()) return;
    reading.abort();
    reading = new AbortController();
    const mine = AbortSignal.any([signal, reading.signal]);
    current = Math.min(Math.max(revision, log.oldest), log.newest);
    if (revision < log.oldest) tellGap(revision);
    else gap.replaceChildren();
    slider.value = box.value = String(current);
    mark();
    try {
      fill(await read(current, mine));
    } catch (failure) {
      if (mine.aborted) return;
      if (!(failure instanceof Failure) || failure.code !== 410) {
        gap.replaceChildren(notice(failure.message, true));
        return;
      }
      // The log was compacted up to here since it was last looked at.
      learn(failure.details);
      await show(revision);
    }
  }
  const read = async (revision, mine) => {
    const page = await ask(namespace, 'changes', { after: Math.max(log.oldest, revision - around) - 1, limit: 2 * around + 1 }, mine);
    // Large values fill a page before the revision comes.
    return page.next < revision ? ask(namespace, 'changes', { after: revision - 1, limit: around + 1 }, mine) : page;
  };
  const tellGap = (revision) => gap.replaceChildren(notice(`Revision ${number(revision)} is no longer in the log, which was compacted. Its oldest change is revision ${number(log.oldest)}.`));
  // Only the box of the table scrolls: the page stays where it is.
  const scroll = () => {
    const row = body.querySelector('[aria-current]');
    const scroller = content.querySelector('.table-box');
    if (row) scroller.scrollTop = row.offsetTop - scroller.clientHeight / 2;
  };
  const fill = (page) => {
    learn(page);
    const rows = page.changes.map((change) => changeRow(change, change.revision === current ? { 'aria-current': 'true' } : {})).reverse();
    filter.apply(rows);
    body.replaceChildren(...rows);
    content.hidden = false;
    onPast(true);
    window.history.replaceState(null, '', link(namespace, 'live', String(current)));
    const change = page.changes.find((found) => found.revision === current);
    const text = change ? `Revision ${number(current)}: ${change.type} ${change.group}${change.key === undefined ? '' : `/${change.key}`}, ${date(change.timestamp)}`
      : `Revision ${number(current)}`;
    chosen.textContent = text;
    slider.setAttribute('aria-valuetext', text);
    requestAnimationFrame(scroll); // it may be shown from now on only
  };

  slider.addEventListener('input', () => show(Number(slider.value)));
  box.addEventListener('change', () => { if (box.value !== '') show(Math.trunc(Number(box.value))); });
  const look = async () => {
    try {
      learn(await ask(namespace, 'changes', { after: log.newest, limit: 1 }, signal));
    } catch (failure) {
      if (!(failure instanceof Failure) || failure.code !== 410) throw failure;
      learn(failure.details);
    }
  };

  const control = element('div', { class: 'stack' }, element('div', { class: 'scrubber', role: 'group', 'aria-label': 'Go back through the log' },
    element('label', { class: 'field', for: 'revision' }, element('span', {}, 'Revision'), box),
    element('label', { class: 'field grow', for: 'revision-slider' }, about, slider),
    element('div', { class: 'row' }, older, newer, live)), gap);
  return {
    control,
    content,
    // grow takes what the live feed has seen of the log.
    grow: (newest, oldest = log.oldest) => { Object.assign(log, { oldest, newest: Math.max(log.newest, newest) }); mark(); },
    start: async (newest, revision) => {
      log.newest = newest;
      await every(5000, signal, look);
      mark();
      if (revision !== undefined) await show(revision);
    },
  };
}
