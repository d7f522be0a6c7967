// JSON that folds. Its tokens are shown as they were written: no number loses a digit.
import { element } from './dom.js';
import { counted, number } from './words.js';

const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gs;
const unfoldedLevels = 3;
const pageLength = 200; // children that are shown at once

// parse reads an object or a list into {open, children: [{name, node}]}, with {text} as the
// leaves; undefined if the text is neither.
export function parse(text) {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try { JSON.parse(text); } catch { return undefined; }
  const top = { children: [] };
  const path = [top];
  let name;
  const add = (node) => {
    path.at(-1).children.push({ name, node });
    name = undefined;
  };
  for (const [token] of text.matchAll(tokens)) {
    if (token === '{' || token === '[') {
      const node = { open: token, children: [] };
      add(node);
      path.push(node);
    } else if (token === '}' || token === ']') path.pop();
    else if (token === ':') name = path.at(-1).children.pop().node.text; // it was no value
    else if (token !== ',') add({ text: token });
  }
  return top.children[0].node;
}

const kinds = [[/^"/, 'string'], [/^(true|false|null)$/, 'word'], [/./, 'number']];
const leaf = (text) => element('span', { class: `json-${kinds.find(([pattern]) => pattern.test(text))[1]}` }, text);

// tree shows what parse has read. What is folded is made when it is opened.
export function tree(node, name, level = 0) {
  const label = name === undefined ? '' : [element('span', { class: 'json-name' }, name), ': '];
  if (node.text !== undefined) return element('div', { class: 'json-line' }, label, leaf(node.text));
  const [close, noun] = node.open === '{' ? ['}', 'field'] : [']', 'element'];
  if (!node.children.length) return element('div', { class: 'json-line' }, label, node.open + close);
  const box = element('div', { class: 'json-children' });
  const summary = element('summary', {}, label, node.open, element('span', { class: 'json-count' }, ` ${counted(node.children.length, noun)} `), close);
  const fold = element('details', {}, summary, box);
  if (level < unfoldedLevels) {
    fold.open = true;
    fill(box, node, level, 0);
  }
  fold.addEventListener('toggle', () => { if (fold.open && !box.firstChild) fill(box, node, level, 0); });
  return fold;
}

function fill(box, node, level, first) {
  const shown = node.children.slice(first, first + pageLength);
  box.append(...shown.map((child) => tree(child.node, child.name, level + 1)));
  const rest = node.children.length - first - shown.length;
  if (rest === 0) return;
  const more = element('button', { type: 'button', class: 'quiet' }, `${number(rest)} more`);
  more.addEventListener('click', () => { more.remove(); fill(box, node, level, first + pageLength); });
  box.append(more);
}
