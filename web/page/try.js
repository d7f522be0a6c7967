// A form for every verb that reads, made from what describe tells.
import { element, link, notice, renew, say } from './dom.js';
import { ask, pathOf, request, Failure } from './api.js';
import { status } from './head.js';
import { copyButtons, ways } from './copy.js';
import { fieldsOf, readable, valueOf } from './fields.js';
import { parse, tree } from './json.js';

// tryView is a form for the verbs of a namespace, or those of an operator for "admin".
export async function tryView(namespace, signal, [wanted]) {
  const { verbs } = await ask('admin', 'describe', {}, signal);
  const choices = readable(verbs, namespace === 'admin');
  const choice = element('select', { id: 'try-verb' }, choices.map(({ name }) => element('option', { value: name, selected: name === wanted }, name)));
  const fields = element('div', { class: 'stack' });
  const form = element('form', { class: 'panel', 'aria-label': 'Request' }, element('h2', {}, 'Request'),
    element('div', { class: 'field' }, element('label', { for: 'try-verb' }, 'Verb'), choice), fields);
  const reply = element('section', { class: 'panel stack', 'aria-label': 'Reply' });
  const show = () => {
    const verb = choices[choice.selectedIndex];
    fields.replaceChildren(...formOf(namespace, verb, reply, form, signal));
    renew(reply, element('h2', {}, 'Reply'), element('p', { class: 'soft' }, 'The reply is shown here. No request of this form changes anything.'));
  };
  choice.addEventListener('change', () => {
    window.history.replaceState(null, '', link(namespace, 'try', choice.value));
    show();
  });
  show();
  return element('div', { class: 'try' }, form, reply);
}

// formOf are the parts of the form of a verb.
function formOf(namespace, verb, reply, form, signal) {
  const fields = fieldsOf(verb).map((field) => ({ ...field, ...inputOf(field) }));
  // given are the fields with their values; the first that is wrong is told beside it.
  const given = () => {
    for (const field of fields) field.tell('');
    const values = {};
    for (const field of fields) {
      try {
        const value = valueOf(field, field.input.value);
        if (value !== undefined) values[field.name] = value;
        else if (field.required) throw new Error(`${field.name} is required`);
      } catch (failure) {
        field.tell(failure.message);
        field.input.focus();
        return undefined;
      }
    }
    return values;
  };
  form.onsubmit = async (event) => {
    event.preventDefault();
    const values = given();
    if (values) await send(namespace, verb, values, reply, fields, signal);
  };
  // A copy takes what stands in the fields, right or not yet.
  const copied = () => ways(status.prefix, namespace, verb.name, Object.fromEntries(fields.flatMap((field) => {
    try {
      const value = valueOf(field, field.input.value);
      return value === undefined ? [] : [[field.name, value]];
    } catch {
      return [[field.name, field.input.value]];
    }
  })));
  return [
    element('p', { class: 'sentence' }, sentence(verb)),
    ...fields.map(({ part }) => part),
    fields.length ? '' : element('p', { class: 'soft' }, 'This verb has no fields.'),
    element('p', { class: 'row' }, element('button', { type: 'submit' }, 'Send the request')),
    copyButtons(copied),
  ];
}

// What describe tells of get and quota is in part of what they change.
const sentence = ({ name, description }) => {
  const text = { get: 'read the entry of a key', quota: 'read the quota of a namespace' }[name] ?? description;
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
};

// inputOf is the part of the form for a field, with its input and a way to tell what is wrong.
function inputOf({ name, type, required, meaning, example, long }) {
  const [id, help, wrong] = [`try-${name}`, `try-${name}-help`, `try-${name}-wrong`];
  const common = { id, 'aria-describedby': `${help} ${wrong}`, 'aria-required': required ? 'true' : undefined, autocomplete: 'off', spellcheck: 'false' };
  const input = type === 'boolean' ? element('select', common, element('option', { value: '' }, 'left out'), element('option', {}, 'true'), element('option', {}, 'false'))
    : long ? element('textarea', { ...common, rows: '3', placeholder: example })
      : element('input', { ...common, type: 'text', inputmode: type === 'integer' ? 'numeric' : undefined, placeholder: example });
  const error = element('p', { id: wrong, class: 'wrong' });
  const tell = (text) => {
    error.textContent = text;
    if (text) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
  };
  const part = element('div', { class: 'field' }, element('label', { for: id }, name, element('small', {}, ` ${type}${required ? ', required' : ''}`)), input,
    element('p', { id: help, class: 'help' }, meaning), error);
  return { part, input, tell };
}

async function send(namespace, verb, values, reply, fields, signal) {
  const texts = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : value]));
  const began = performance.now();
  const took = () => `${Math.round(performance.now() - began)} ms`;
  try {
    const response = await request(pathOf(namespace, verb.name, texts), { signal, headers: { Accept: 'application/json' } });
    showReply(reply, `200, ${took()}`, await response.text()); // not parsed: no number loses a digit
    say('The reply is there');
  } catch (failure) {
    if (!(failure instanceof Failure)) {
      if (!signal.aborted) reply.replaceChildren(element('h2', {}, 'Reply'), notice('The sidecar does not answer: try again.', true));
      return;
    }
    const { code, name, message, details } = failure;
    fields.find((field) => field.name === details.field)?.tell(message.replace(/^store\.\w+: /, ''));
    showReply(reply, took(), JSON.stringify({ error: { code, name, message, ...details } }), notice(`${code} ${name}: ${message}`, true));
    say(`Error ${code}: ${message}`);
  }
}

function showReply(reply, text, body, failure = '') {
  reply.replaceChildren(element('h2', {}, 'Reply ', element('small', { class: 'soft' }, text)), failure,
    element('div', { class: 'json', tabindex: '0', role: 'region', 'aria-label': 'The reply as JSON' }, tree(parse(body))));
  reply.scrollIntoView({ block: 'nearest' });
}
