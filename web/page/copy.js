// Ways to ask elsewhere for what the page shows: as a command, or in a program.
import { element, say } from './dom.js';
import { pathOf, valuePath } from './api.js';
import { kept } from './token.js';

const text = (words) => ({ words, flags: {} });
const listFlags = { prefix: '--key-prefix', limit: '--limit', keys_only: '--keys-only', descending: '--descending' };
const limit = { limit: '--limit' };

// shell says how a verb is asked with storebus: its words, with {field} for those that have
// a place, and the flags of the others. What stands nowhere cannot be asked there.
const shell = {
  get: text('get {namespace} {group} {key}'),
  exists: text('exists {namespace} {group} {key}'),
  fields: text('fields {namespace} {group} {key}'),
  split: text('split {namespace} {group} {key} {separator}'),
  list: { words: 'list {namespace} {group}', flags: listFlags },
  scan: { words: 'scan {namespace}', flags: { prefix: '--group-prefix', ...limit, keys_only: '--keys-only' } },
  groups: { words: 'groups {namespace}', flags: { prefix: '--group-prefix', ...limit } },
  count: { words: 'count {namespace} {group?}', flags: { prefix: '--group-prefix' } },
  render: { words: 'render {namespace} {group} {template}', flags: { strict: '--strict' } },
  usage: text('usage {namespace}'),
  changes: { words: 'changes {namespace} {group?}', flags: { after: '--after', ...limit, wait: '--wait', store: '--store' } },
  journal_query: { words: 'journal query {namespace} {flux}', flags: limit },
  journal_status: text('journal status {namespace}'),
  journal_rejected: { words: 'journal rejected {namespace}', flags: limit },
  workspace_aggregate: text('workspace aggregate {namespace} {workspace}'),
  workspace_query: { words: 'workspace query {namespace} {workspace} {sql}', flags: limit },
  workspaces: { words: 'workspace list {namespace}', flags: limit },
  status: text('status'),
  describe: text('describe'),
  namespaces: { words: 'namespaces', flags: { prefix: '--namespace-prefix', ...limit } },
  quota: text('quota {namespace}'),
};

const quoted = (word) => `'${word.replaceAll("'", "'\\''")}'`;
const word = (value) => (/^[\w:./=@+~-]+$/.test(value) ? value : quoted(value));

// storebus is the command line of a request; undefined if there is none.
function storebus(prefix, namespace, verb, fields) {
  if (!shell[verb]) return undefined;
  const given = { namespace, ...fields };
  const taken = new Set(['namespace']);
  const [command, places] = split(shell[verb].words);
  const values = [];
  for (const [, name, optional] of places) {
    taken.add(name);
    const value = given[name] ?? (name === 'group' && !optional ? 'default' : undefined);
    if (value === undefined && !optional) return undefined;
    if (value !== undefined) values.push(String(value));
  }
  const flags = [];
  for (const [name, value] of Object.entries(fields)) {
    if (taken.has(name)) continue;
    if (!shell[verb].flags[name]) return undefined;
    if (value === true) flags.push(shell[verb].flags[name]);
    else if (value !== false) flags.push(`${shell[verb].flags[name]}=${word(String(value))}`);
  }
  if (values.some((value) => value.includes('\0'))) return undefined; // no argument holds it
  if (prefix !== 'store') flags.push(`--prefix=${word(prefix)}`);
  const end = values.some((value) => value.startsWith('-')) ? ['--'] : [];
  return ['storebus', command, ...flags, ...end, ...values.map(word)].join(' ');
}

function split(words) {
  const places = [...words.matchAll(/\{(\w+)(\?)?\}/g)];
  return [words.replace(/ ?\{.*$/, ''), places];
}

// curl asks this server. The token comes from a variable, so that nobody sees it.
function curl(path) {
  const token = kept() ? ' -H "Authorization: Bearer $STOREBUS_HTTP_TOKEN"' : '';
  return `curl -H 'Accept: application/json'${token} ${quoted(new URL(path, location.href).href)}`;
}

// ways are those of a request, by their names.
export function ways(prefix, namespace, verb, fields) {
  const operator = namespace === 'admin';
  const subject = `${prefix}.${namespace}.${verb}`;
  const body = Object.keys(fields).length ? JSON.stringify(fields) : '';
  return {
    storebus: storebus(prefix, operator ? fields.namespace : namespace, verb, fields),
    nats: `nats req ${subject} ${quoted(body)}`,
    curl: curl(pathOf(namespace, verb, Object.fromEntries(Object.entries(fields)
      .map(([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : value])))),
    Node: `const reply = await nats.request(${JSON.stringify(subject)}, ${JSON.stringify(body)});\nconsole.log(reply.json());`,
  };
}

// waysOfEntry read one entry. The path of its value is the shorter way for curl.
export function waysOfEntry(prefix, namespace, group, key) {
  const made = ways(prefix, namespace, 'get', { group, key });
  const path = valuePath(namespace, group, key);
  const token = kept() ? ' -H "Authorization: Bearer $STOREBUS_HTTP_TOKEN"' : '';
  return {
    ...made,
    ...path && { curl: `curl${token} ${quoted(new URL(path, location.href).href)}` },
    Go: `entry, err := store.Get(ctx, ${[namespace, group, key].map((name) => JSON.stringify(name)).join(', ')})`,
  };
}

// copyButtons copy each of the ways that there are; make gives them when they are wanted.
export function copyButtons(make) {
  const shown = element('pre', { tabindex: '0', hidden: true, 'aria-label': 'Copied' });
  const copy = async (name) => {
    const way = make()[name];
    shown.hidden = false;
    shown.textContent = way ?? 'There is no such command for these fields.';
    if (!way) return;
    try {
      await navigator.clipboard.writeText(way);
      say(`Copied for ${name}`);
    } catch {
      say('The browser does not let this page copy: the text is shown below the buttons.');
    }
  };
  return element('div', { class: 'stack' },
    element('div', { class: 'row copy', role: 'group', 'aria-label': 'Copy as' }, element('span', { class: 'soft' }, 'Copy as'),
      Object.keys(make()).map((name) => element('button', { type: 'button', class: 'quiet', onclick: () => copy(name) }, name))),
    shown);
}
