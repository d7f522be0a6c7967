// One entry: its value, revision and expiry, and ways to read it elsewhere.
import { details, element, every, link, notice, say } from './dom.js';
import { age, bytes, date, until } from './words.js';
import { ask, raw, Failure } from './api.js';
import { status } from './head.js';
import { copyButtons, waysOfEntry } from './copy.js';
import { bytesOf, valueView } from './value.js';

// entryView shows an entry. refresh tells if it has changed since: what somebody reads is
// not taken away.
export async function entryView(namespace, group, key, signal) {
  const content = element('section', { class: 'panel entry', 'aria-label': 'Entry' });
  const news = element('div', { role: 'status' });
  const title = element('h2', {}, `${group}/${key}`);
  const again = (text) => element('p', { class: 'notice row' }, element('span', {}, text),
    element('button', { type: 'button', onclick: () => show().then(() => say('Read again')) }, 'Read again'));
  let shown; // the revision that is shown, 0 for none
  let asking = false;
  let stale = false; // changed again while it was asked

  async function show() {
    const view = content.querySelector('.choices [aria-pressed=true]')?.textContent;
    news.replaceChildren();
    try {
      const [entry, value] = await read(namespace, group, key, signal);
      shown = entry.revision;
      content.replaceChildren(title, news, details(facts(namespace, entry, value)), valueView(value, view),
        copyButtons(() => waysOfEntry(status.prefix, namespace, group, key)));
    } catch (failure) {
      if (signal.aborted) return;
      shown = 0;
      content.replaceChildren(title, news, failure.code === 404 ? notice('This key is not there: it was deleted, it has expired, or it never was.') : notice(failure.message, true));
    }
  }

  async function refresh() {
    stale = true;
    if (asking) return;
    asking = true;
    try {
      while (stale) {
        stale = false;
        await compare();
      }
    } finally {
      asking = false;
    }
  }

  async function compare() {
    const { exists, revision = 0 } = await ask(namespace, 'exists', { group, key }, signal);
    if (revision === shown) news.replaceChildren();
    else if (!exists) news.replaceChildren(again('This key is gone by now: it was deleted, or it has expired.'));
    else news.replaceChildren(again(`This key has changed: it stands at revision ${revision} now.`));
  }

  await show();
  every(1000, signal, async () => {
    for (const part of content.querySelectorAll('[data-until]')) part.textContent = countdown(part.dataset.until);
    for (const part of content.querySelectorAll('[data-since]')) part.textContent = since(part.dataset.since);
  });
  return { content, refresh: () => refresh().catch(() => {}) };
}

// read gives an entry and its bytes, also if it is larger than a reply may be.
async function read(namespace, group, key, signal) {
  try {
    const entry = await ask(namespace, 'get', { group, key }, signal);
    return [entry, bytesOf(entry)];
  } catch (failure) {
    if (!(failure instanceof Failure) || failure.code !== 413) throw failure;
    return raw(namespace, group, key, signal);
  }
}

const since = (moment) => `${date(moment)}, ${age(moment)} ago`;
const countdown = (moment) => { const left = until(moment); return left ? `in ${left}, ${date(moment)}` : 'now'; };

const facts = (namespace, entry, value) => [
  ['Revision', element('a', { href: link(namespace, 'live', String(entry.revision)), title: 'The changes around it' }, String(entry.revision))],
  ['Changed', entry.updated_at && element('span', { 'data-since': entry.updated_at }, since(entry.updated_at))],
  ['Expires', entry.expires_at ? element('span', { 'data-until': entry.expires_at }, countdown(entry.expires_at)) : 'never'],
  ['Size', bytes(value.length)],
];
