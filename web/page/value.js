// A value as text, JSON, hexadecimal or an image, and how to ask for it elsewhere.
import { element, bytes, say } from './dom.js';

const shownBytes = 64 << 10;
const images = [
  ['image/png', [0x89, 0x50, 0x4e, 0x47]], ['image/jpeg', [0xff, 0xd8, 0xff]], ['image/gif', [0x47, 0x49, 0x46, 0x38]],
  ['image/webp', [0x52, 0x49, 0x46, 0x46, null, null, null, null, 0x57, 0x45, 0x42, 0x50]],
];

// bytesOf gives the bytes of a value as a reply has it.
export function bytesOf(entry) {
  if (entry.encoding === 'base64') return Uint8Array.from(atob(entry.value), (char) => char.charCodeAt(0));
  return new TextEncoder().encode(entry.value ?? '');
}

const imageType = (content) => images.find(([, magic]) => magic.every((byte, index) => byte === null || content[index] === byte))?.[0];

function textOf(content) {
  try { return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content); } catch { return undefined; }
}

function jsonOf(text) {
  if (!/^\s*[[{]/.test(text ?? '')) return undefined;
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return undefined; }
}

function hexOf(content) {
  const lines = [];
  for (let offset = 0; offset < content.length; offset += 16) {
    const part = [...content.subarray(offset, offset + 16)];
    const hex = part.map((byte) => byte.toString(16).padStart(2, '0')).join(' ').padEnd(47);
    const text = part.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${offset.toString(16).padStart(8, '0')}  ${hex}  ${text}`);
  }
  return lines.join('\n') || '(empty)';
}

const base64 = (content) => { let text = ''; for (const byte of content) text += String.fromCharCode(byte); return btoa(text); };

// viewsOf are the ways to show a value, the best first.
function viewsOf(content) {
  const views = [];
  const text = textOf(content);
  const type = imageType(content);
  const json = jsonOf(text);
  const block = (title, make, attributes = {}) => views.push([title, (all) => {
    const part = all ? content : content.subarray(0, shownBytes);
    return element('pre', { tabindex: '0', 'aria-label': `The value as ${title}`, ...attributes }, make(part, all));
  }]);
  if (type) views.push(['Image', () => element('img', { class: 'value-image', alt: `The value, ${bytes(content.length)} of ${type}`, src: `data:${type};base64,${base64(content)}` })]);
  if (json) views.push(['JSON', (all) => element('pre', { tabindex: '0', 'aria-label': 'The value as JSON' }, all ? json : json.slice(0, shownBytes))]);
  if (text !== undefined) block('Text', (part) => new TextDecoder().decode(part) || '(empty)');
  block('Hex', hexOf, { class: 'hex' });
  return views;
}

// valueView shows the bytes of a value with a choice of views.
export function valueView(content) {
  const views = viewsOf(content);
  const box = element('div');
  const choices = element('div', { class: 'row', role: 'group', 'aria-label': 'Show the value as' });
  let chosen = 0;
  const show = (all = false) => {
    [...choices.children].forEach((button, index) => button.setAttribute('aria-pressed', String(index === chosen)));
    const rest = !all && content.length > shownBytes && views[chosen][0] !== 'Image';
    box.replaceChildren(views[chosen][1](all), rest
      ? element('p', { class: 'row' }, `The first ${bytes(shownBytes)} of ${bytes(content.length)}. `, element('button', { type: 'button', class: 'quiet', onclick: () => show(true) }, 'Show all')) : '');
  };
  views.forEach(([title], index) => choices.append(element('button', { type: 'button', class: 'quiet', onclick: () => { chosen = index; show(); } }, title)));
  show();
  return element('div', { class: 'stack' }, choices, box);
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const word = (text) => (/^[\w:./=@+~-]+$/.test(text) && !text.startsWith('-') ? text : quoted(text));

// commands are ways to read an entry from elsewhere.
function commands(prefix, namespace, group, key) {
  const body = JSON.stringify({ group, key });
  const dashed = group.startsWith('-') || key.startsWith('-') ? '-- ' : '';
  return {
    storebus: `storebus get ${dashed}${namespace} ${word(group)} ${word(key)}`,
    nats: `nats req ${prefix}.${namespace}.get ${quoted(body)}`,
    Go: `entry, err := store.Get(ctx, ${JSON.stringify(namespace)}, ${JSON.stringify(group)}, ${JSON.stringify(key)})`,
    Node: `const reply = await nc.request('${prefix}.${namespace}.get', JSON.stringify(${body})); console.log(reply.json().value);`,
  };
}

// copyButtons copy those ways.
export function copyButtons(prefix, namespace, group, key) {
  return element('div', { class: 'row', role: 'group', 'aria-label': 'Copy as' }, element('span', { class: 'soft' }, 'Copy as'),
    Object.entries(commands(prefix, namespace, group, key)).map(([name, command]) => element('button', {
      type: 'button', class: 'quiet', title: command,
      onclick: async () => {
        try { await navigator.clipboard.writeText(command); say(`Copied: ${command}`); } catch { window.prompt('Copy this', command); }
      },
    }, name)));
}
