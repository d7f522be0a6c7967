// What a namespace holds beside what it may hold, as bars.
import { element } from './dom.js';
import { bytes, number } from './words.js';

const nearlyFull = 0.9;

// bar shows a figure, and its part of a limit if there is one.
export function bar(title, used, limit, text = number) {
  if (!limit) return element('span', {}, text(used));
  const full = used / limit;
  const words = `${text(used)} of ${text(limit)}`;
  return [element('span', {}, words, full >= nearlyFull ? element('strong', { class: 'nearly' }, full >= 1 ? ' full' : ' nearly full') : ''),
    element('progress', { max: String(limit), value: String(Math.min(used, limit)), class: full >= nearlyFull ? 'nearly' : undefined, 'aria-label': `${title}: ${words}` })];
}

// quotaBars show the usage of a namespace, as the reply to usage has it.
export function quotaBars(usage) {
  const part = (title, used, limit, text, more) => {
    const remark = [limit ? '' : 'no limit', more].filter(Boolean).join('; ');
    return element('div', { class: 'figure' }, element('p', { class: 'figure-name' }, title), bar(title, used, limit, text),
      remark && element('small', { class: 'soft' }, remark));
  };
  const figure = (title, words, remark) => element('div', { class: 'figure' }, element('p', { class: 'figure-name' }, title), element('span', {}, words),
    remark && element('small', { class: 'soft' }, remark));
  const values = usage.max_value_bytes ? `a value up to ${bytes(usage.max_value_bytes)}` : '';
  return element('div', { class: 'figures' }, part('Keys', usage.keys, usage.max_keys), part('Groups', usage.groups, usage.max_groups),
    part('Bytes', usage.bytes, usage.max_bytes, bytes, values),
    part('Journal', usage.journal_bytes, usage.max_journal_bytes, bytes), part('Workspaces', usage.workspace_bytes, usage.max_workspace_bytes, bytes),
    figure('Log', bytes(usage.log_bytes), usage.max_log_bytes ? `the newest ${bytes(usage.max_log_bytes)} stay` : 'no limit'),
    figure('Revision', number(usage.revision)));
}
