// The fields of the verbs that read: what they mean, and how their text becomes a value.

// meanings explains a field of every verb that has it; with "verb.field" that of one verb.
const meanings = {
  group: 'The group of the key. Left out, it is “default”.',
  key: 'The name of the key, in its group.',
  prefix: 'Only keys that begin with this text.',
  after: 'Where the page before ended: its “next”. Left out, the first page.',
  limit: 'The most that one reply holds.',
  keys_only: 'Leave the values out.',
  descending: 'From the last key to the first.',
  entries: 'The names of the entries to read.',
  template: 'A text with {{.key}} for each value to fill in.',
  strict: 'Fail if a key is missing.',
  separator: 'The text that stands between two parts.',
  flux: 'A query in Flux, from “from(bucket: …)” on.',
  workspace: 'The name of an open workspace.',
  sql: 'A SELECT over the table “entries”.',
  namespace: 'The namespace to look at.',
  'list.group': 'The group to read. Left out, it is “default”.',
  'count.group': 'Count the keys of this group alone. Left out, of all groups.',
  'count.prefix': 'Count the keys of groups that begin with this text.',
  'render.group': 'The group whose values are filled in. Left out, it is “default”.',
  'scan.prefix': 'Only groups that begin with this text.',
  'groups.prefix': 'Only groups that begin with this text.',
  'namespaces.prefix': 'Only namespaces that begin with this text.',
  'changes.after': 'The last revision that you know. 0 is the beginning of the log.',
  'changes.group': 'Only changes of this group. Left out, of all groups.',
  'changes.wait': 'How long to wait for a change if there is none, up to 30s.',
  'changes.store': 'The id of the store that “after” belongs to. Another store is an error.',
};

// left out are fields that would change something.
const writing = { get: ['ttl'], quota: ['max_keys', 'max_groups', 'max_bytes', 'max_value_bytes', 'max_journal_bytes', 'max_workspace_bytes', 'max_log_bytes'] };

const examples = {
  duration: '30s', time: '2026-11-22T10:00:00Z', integer: '100', list: '[{"group":"config","key":"theme"}]', object: '{}', any: '""',
  'changes.after': '0', 'render.template': 'The theme is {{.theme}}', 'split.separator': ',',
  'workspace_query.sql': 'SELECT kind, count(*) FROM entries GROUP BY kind',
  'journal_query.flux': 'from(bucket: "journal") |> range(start: -1h) |> filter(fn: (r) => r._measurement == "deploy")',
};

// fieldsOf are the fields of a verb that can be tried.
export const fieldsOf = (verb) => verb.fields.filter(({ name }) => !writing[verb.name]?.includes(name)).map((field) => ({
  ...field,
  meaning: meanings[`${verb.name}.${field.name}`] ?? meanings[field.name] ?? '',
  example: examples[`${verb.name}.${field.name}`] ?? examples[field.type] ?? '',
  long: ['list', 'object', 'any'].includes(field.type) || ['template', 'sql', 'flux'].includes(field.name),
}));

// operators are the verbs of an operator that HTTP answers: the others make a file, or deliver.
const operators = ['status', 'describe', 'namespaces', 'quota'];

// readable are the verbs that can be tried: those that only read.
export const readable = (verbs, operator) => verbs.filter(({ name, admin, writes }) => (operator ? admin && operators.includes(name) : !admin && !writes));

// valueOf makes the value of a field from its text; undefined if it is left out. An error
// says what would be right.
export function valueOf({ name, type }, text) {
  if (text === '') return undefined;
  switch (type) {
    case 'integer':
      if (!/^-?\d+$/.test(text)) throw new Error(`${name} is a whole number`);
      return Number.isSafeInteger(Number(text)) ? Number(text) : text;
    case 'boolean':
      return text === 'true';
    case 'list': case 'object': case 'any':
      try { return JSON.parse(text); } catch (failure) { throw new Error(`${name} is JSON: ${failure.message}`); }
    default:
      return text;
  }
}
