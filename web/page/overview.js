// The first view: the namespaces beside their quotas, and the verbs.
import { column, element, every, link, panel, renew, table, tabs } from './dom.js';
import { bytes, number, rate } from './words.js';
import { ask } from './api.js';
import { status } from './head.js';
import { namespaces, readNamespaces } from './namespaces.js';
import { bar } from './quota.js';
import { verbsPanel } from './verbs.js';

const shownNamespaces = 25;

export const sidecarTabs = (current) => [element('h1', {}, 'This sidecar'),
  tabs('Parts of this sidecar', current, [['#/', 'Overview', 'overview'], [link('admin', 'try'), 'Try it', 'try']])];

// overview shows how the sidecar is. changed is called once there is a first namespace.
export async function overview(signal, changed) {
  const names = await readNamespaces();
  if (!names.length) {
    every(1500, signal, async () => { if ((await readNamespaces()).length) changed(); });
    return [...sidecarTabs('overview'), welcome(), verbsPanel(signal)];
  }
  return [...sidecarTabs('overview'), namespacesPanel(signal), verbsPanel(signal)];
}

const welcome = () => panel('Nothing is stored yet', element('p', {}, 'Write a key, and watch it arrive here:'),
  element('pre', { tabindex: '0', 'aria-label': 'Commands to begin with' },
    `storebus set acme config theme dark\nnats req ${status.prefix}.acme.set '{"group":"config","key":"theme","value":"dark"}'`));

const columns = [column('Namespace'), column('Keys'), column('Groups'), column('Bytes'), column('Revision', true), column('Changes a second', true)];

function namespacesPanel(signal) {
  const box = element('div', { class: 'stack' });
  let last; // the revisions of the look before, and when that was
  every(5000, signal, async () => {
    const first = namespaces().slice(0, shownNamespaces);
    const limits = await Promise.all(first.map(({ namespace }) => ask('admin', 'quota', { namespace }, signal)));
    const now = { time: performance.now(), revisions: new Map(first.map(({ namespace, revision }) => [namespace, revision])) };
    renew(box, table('Table of namespaces', columns, first.map((found, index) => row(found, limits[index], speed(found, last, now)))),
      namespaces().length > first.length ? element('p', { class: 'soft' }, `The first ${shownNamespaces}. The others are in the list of namespaces.`) : '');
    last = now;
  });
  return panel('Namespaces', box);
}

function speed({ namespace, revision }, last, now) {
  if (!last?.revisions.has(namespace)) return '–';
  return rate(Math.max(0, revision - last.revisions.get(namespace)) / (now.time - last.time) * 1000);
}

const row = ({ namespace, keys, groups, bytes: size, revision }, limits, changes) => ({ key: namespace, cells: [
  element('a', { href: link(namespace) }, namespace),
  bar(`Keys of ${namespace}`, keys, limits.max_keys),
  bar(`Groups of ${namespace}`, groups, limits.max_groups),
  bar(`Bytes of ${namespace}`, size, limits.max_bytes, bytes),
  number(revision),
  changes,
] });
