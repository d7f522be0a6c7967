// The journal of a namespace: how its points are delivered, and which were refused.
import { column, element, every, notice, panel, renew, table } from './dom.js';
import { age, date, number } from './words.js';
import { ask } from './api.js';

const shownRefused = 50;

export async function journalView(namespace, signal) {
  const box = element('div', { class: 'stack' });
  const read = async () => {
    const [journal, rejected] = await Promise.all([
      ask(namespace, 'journal_status', {}, signal), ask(namespace, 'journal_rejected', { limit: shownRefused }, signal),
    ]);
    renew(box, delivery(journal), panel('Refused points', refused(namespace, journal, rejected)));
  };
  await read();
  every(3000, signal, read);
  return box;
}

function delivery(journal) {
  const figure = (title, text, remark) => element('div', { class: 'figure' }, element('p', { class: 'figure-name' }, title), element('span', { class: 'large' }, text), element('small', { class: 'soft' }, remark));
  return panel('Delivery',
    element('p', {}, journal.endpoint ? ['Points go to ', element('code', {}, journal.endpoint), '.'] : 'There is no endpoint.'),
    element('div', { class: 'figures' },
      journal.endpoint ? figure('Pending', number(journal.pending), journal.oldest_pending_at ? `the oldest for ${age(journal.oldest_pending_at)}` : 'nothing waits')
        : figure('Pending', '–', 'counted once there is an endpoint'),
      figure('Delivered', number(journal.delivered), 'in all'),
      figure('Refused', number(journal.rejected), journal.rejected ? 'kept, and not sent again' : 'none')),
    advice(journal));
}

function advice(journal) {
  if (journal.last_error) return notice(`The last delivery failed: ${journal.last_error}. The sidecar tries again.`, true);
  if (journal.endpoint) return '';
  return element('p', { class: 'soft' }, 'Points are kept until there is one. Start the sidecar with ', element('code', {}, '--journal-url'),
    ' to deliver them to InfluxDB, or to a database that takes its writes.');
}

const columns = [column('Id', true), column('Measurement'), column('Point'), column('Status', true), column('Reason'), column('Refused')];

function refused(namespace, journal, { entries, next }) {
  if (!entries.length) return element('p', { class: 'soft' }, 'The endpoint has refused no point.');
  const objects = (entry) => Object.entries({ ...entry.tags, ...entry.fields }).map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`).join(' ');
  return [
    table('Table of refused points', columns, entries.map((entry) => ({ key: String(entry.entry_id), cells: [
      String(entry.entry_id), entry.measurement, element('span', { class: 'mono' }, entry.value_omitted ? '(too large to show)' : objects(entry)),
      String(entry.status), entry.reason, element('span', { title: date(entry.rejected_at) }, `${age(entry.rejected_at)} ago`),
    ] }))),
    next ? element('p', { class: 'soft' }, `The first ${shownRefused} of ${number(journal.rejected)}.`) : '',
    element('p', { class: 'soft' }, 'Mend the cause, and have them delivered again: ', element('code', {}, `storebus journal requeue ${namespace}`)),
  ];
}
