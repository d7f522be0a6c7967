// A change as a row of a table.
import { element, link } from './dom.js';
import { clock } from './words.js';

const previewLength = 120;

export const types = ['set', 'delete', 'delete_group', 'touch', 'expire'];

function preview(change) {
  if (change.value_omitted) return '(a value that no message carries)';
  if (change.value === undefined) return change.expires_at ? `expires ${change.expires_at.slice(0, 19).replace('T', ' ')} UTC` : '';
  const text = change.encoding === 'base64' ? `base64 ${change.value}` : change.value;
  return text.length > previewLength ? `${text.slice(0, previewLength)} …` : text;
}

const cell = (title, attributes, ...children) => element('td', { role: 'cell', 'data-label': title, ...attributes }, element('div', {}, children));

// changeRow is the row of a change, with a link to the entry.
export function changeRow(change, attributes = {}) {
  const name = change.key === undefined ? change.group : `${change.group}/${change.key}`;
  const entry = link(change.namespace, 'data', change.group, ...change.key === undefined ? [] : [change.key]);
  const together = change.transaction && change.transaction.first !== change.transaction.last
    ? element('small', { class: 'soft', title: 'These revisions were committed together' }, ` in one transaction: ${change.transaction.first} to ${change.transaction.last}`) : '';
  const row = element('tr', { role: 'row', 'data-revision': String(change.revision), ...attributes },
    cell('Revision', { class: 'number' }, String(change.revision)),
    cell('Time (UTC)', { class: 'mono' }, element('span', { title: change.timestamp }, clock(change.timestamp))),
    cell('Type', {}, element('span', { class: `type type-${change.type}` }, change.type), together),
    cell('Group and key', { class: 'wide' }, element('a', { href: entry }, name)),
    cell('Value', { class: 'wide mono' }, preview(change)));
  row.change = change;
  return row;
}

// changeTable is a table for such rows.
export function changeTable(label, id, body) {
  const heads = ['Revision', 'Time (UTC)', 'Type', 'Group and key', 'Value'];
  return element('div', { class: 'table-box', tabindex: '0', role: 'region', 'aria-label': label },
    element('table', { id, role: 'table', class: 'cards changes' }, element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' },
      heads.map((name, index) => element('th', { scope: 'col', role: 'columnheader', class: index === 0 ? 'number' : '' }, name)))), body));
}
