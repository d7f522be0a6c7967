// The open workspaces of a namespace.
import { column, element, every, link, panel, renew, table } from './dom.js';
import { age, date, number } from './words.js';
import { ask } from './api.js';

const pageSize = 100;
const columns = [column('Workspace'), column('Entries', true), column('Opened'), column('State')];

export async function workspacesView(namespace, signal) {
  const box = element('div', { class: 'stack' });
  const read = async () => {
    const { workspaces, next } = await ask(namespace, 'workspaces', { limit: pageSize }, signal);
    renew(box, workspaces.length ? table('Table of workspaces', columns, workspaces.map(row)) : none(namespace),
      next ? element('p', { class: 'soft' }, `The first ${pageSize}.`) : '',
      workspaces.some(({ orphaned }) => orphaned) ? orphans(namespace) : '');
  };
  await read();
  every(3000, signal, read);
  return panel('Open workspaces', box);
}

const row = (workspace) => ({ key: workspace.workspace, cells: [
  workspace.workspace, number(workspace.entries), element('span', { title: date(workspace.opened_at) }, `${age(workspace.opened_at)} ago`),
  element('span', { class: workspace.orphaned ? 'badge bad' : 'badge' }, workspace.orphaned ? 'orphaned' : 'open'),
] });

const none = (namespace) => [element('p', {}, 'No workspace is open.'),
  element('p', { class: 'soft' }, 'A workspace collects the entries of one job. Its commit is one point of the journal, and a summary in the store. ',
    'Open one with ', element('code', {}, `storebus workspace open ${namespace} NAME`), '.')];

const orphans = (namespace) => element('p', { class: 'notice' }, 'Nobody has opened an orphaned workspace since the sidecar was started: a job may have ended without a commit. ',
  element('a', { href: link(namespace, 'try', 'workspace_aggregate') }, 'Look inside'), ', then use ', element('code', {}, 'storebus workspace commit'), ' or ',
  element('code', {}, 'storebus workspace discard'), '.');
