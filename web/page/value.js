// A value as JSON, text, hexadecimal or an image.
import { element } from './dom.js';
import { bytes } from './words.js';
import { parse, tree } from './json.js';

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

function base64(content) {
  let text = '';
  for (const byte of content) text += String.fromCharCode(byte);
  return btoa(text);
}

const start = (content) => new TextDecoder().decode(content.subarray(0, shownBytes));
const block = (title, text, attributes = {}) => element('pre', { tabindex: '0', 'aria-label': `The value as ${title}`, ...attributes }, text || '(empty)');

// viewsOf are the ways to show a value, the best first. whole says whether all is shown; a
// view that folds shows all in any case.
function viewsOf(content) {
  const text = textOf(content);
  const type = imageType(content);
  const json = text === undefined ? undefined : parse(text);
  return [
    type && { title: 'Image', folds: true, show: () => element('img', { class: 'value-image', alt: `The value, ${bytes(content.length)} of ${type}`, src: `data:${type};base64,${base64(content)}` }) },
    json && { title: 'JSON', folds: true, show: () => element('div', { class: 'json', tabindex: '0', role: 'region', 'aria-label': 'The value as JSON' }, tree(json)) },
    text !== undefined && { title: 'Text', show: (whole) => block('text', whole ? text : start(content)) },
    { title: 'Hex', show: (whole) => block('hexadecimal', hexOf(whole ? content : content.subarray(0, shownBytes)), { class: 'hex' }) },
  ].filter(Boolean);
}

// valueView shows the bytes of a value with a choice of views; wanted is the title of the
// one to begin with, if the value has it.
export function valueView(content, wanted) {
  const views = viewsOf(content);
  const box = element('div', { class: 'stack' });
  const choices = element('div', { class: 'row choices', role: 'group', 'aria-label': 'Show the value as' });
  const show = (view, whole = false) => {
    for (const button of choices.children) button.setAttribute('aria-pressed', String(button.textContent === view.title));
    const rest = !whole && !view.folds && content.length > shownBytes;
    box.replaceChildren(view.show(!rest), rest ? element('p', { class: 'row' }, `The first ${bytes(shownBytes)} of ${bytes(content.length)}. `,
      element('button', { type: 'button', class: 'quiet', onclick: () => show(view, true) }, 'Show all')) : '');
  };
  choices.append(...views.map((view) => element('button', { type: 'button', class: 'quiet', onclick: () => show(view) }, view.title)));
  show(views.find(({ title }) => title === wanted) ?? views[0]);
  return element('div', { class: 'stack value' }, choices, box);
}
