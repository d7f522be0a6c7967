// What the page is made of. No text of the store becomes markup: every string is a text node.

const ofSVG = new Set(['svg', 'polyline']);

// element makes an element: element('a', {href: '#/', class: 'brand'}, 'storebus').
export function element(tag, attributes = {}, ...children) {
  const made = ofSVG.has(tag) ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...real(children));
  return made;
}

const real = (children) => children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false && child !== '');

export const byId = (id) => document.getElementById(id);

// link is the address of a place on the page: link('acme', 'data', 'config').
export const link = (...parts) => `#/${parts.map(encodeURIComponent).join('/')}`;

// say tells a screen reader what has happened.
export function say(text) { byId('said').textContent = text; }

export const notice = (text, bad = false) => element('p', { class: bad ? 'notice bad' : 'notice' }, text);

// renew gives a box other children, and changes only what differs: focus, selection and
// scroll bars stay where they are. Children with a data-key are told apart by it. Nothing
// that is renewed listens to events.
export function renew(box, ...children) {
  const wanted = real(children).map((child) => (typeof child === 'string' ? document.createTextNode(child) : child));
  const keyOf = (node) => node.dataset?.key;
  const keys = new Set(wanted.map(keyOf));
  const known = new Map();
  for (const child of [...box.children]) {
    if (keyOf(child) === undefined) continue;
    if (keys.has(keyOf(child))) known.set(keyOf(child), child);
    else child.remove();
  }
  let place = box.firstChild;
  for (const next of wanted) {
    const key = keyOf(next);
    const same = key !== undefined ? known.get(key) : place && keyOf(place) === undefined && place.nodeName === next.nodeName ? place : undefined;
    if (!same) box.insertBefore(next, place);
    else {
      if (same === place) place = place.nextSibling;
      else box.insertBefore(same, place);
      become(same, next);
    }
  }
  while (place) {
    const after = place.nextSibling;
    place.remove();
    place = after;
  }
}

function become(node, next) {
  if (node.nodeType === Node.TEXT_NODE) {
    if (node.nodeValue !== next.nodeValue) node.nodeValue = next.nodeValue;
    return;
  }
  for (const { name } of [...node.attributes]) if (!next.hasAttribute(name)) node.removeAttribute(name);
  for (const { name, value } of next.attributes) if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  renew(node, ...next.childNodes);
}

// every calls work now, and again and again until the signal aborts.
export function every(milliseconds, signal, work) {
  const again = async () => {
    if (signal.aborted) return;
    if (!document.hidden) await work().catch(() => {});
    if (!signal.aborted) setTimeout(again, milliseconds);
  };
  return again();
}

// column is a column of a table; a number stands at the right.
export const column = (title, number = false) => ({ title, number });

// table makes a table of rows of cells, which is a list of cards on a narrow screen. A row
// is {key, cells, class}; a cell is a text, an element or a list of them.
export function table(label, columns, rows) {
  const kind = (index) => (columns[index].number ? 'number' : undefined);
  return element('div', { class: 'table-box', tabindex: '0', role: 'region', 'aria-label': label },
    element('table', { role: 'table', class: 'cards' },
      element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' },
        columns.map(({ title }, index) => element('th', { scope: 'col', role: 'columnheader', class: kind(index) }, title)))),
      element('tbody', { role: 'rowgroup' }, rows.map(({ key, cells, ...attributes }) => element('tr', { role: 'row', 'data-key': key, ...attributes },
        cells.map((cell, index) => element('td', { role: 'cell', class: kind(index), 'data-label': columns[index].title }, element('div', {}, cell))))))));
}

// details makes a list of names and what they stand for.
export const details = (pairs) => element('dl', { class: 'details' }, pairs.filter(([, text]) => text !== undefined)
  .map(([name, text]) => [element('dt', {}, name), element('dd', {}, text)]));

// tabs links the parts of a view.
export const tabs = (label, current, parts) => element('nav', { class: 'tabs', 'aria-label': label },
  parts.map(([address, title, name]) => element('a', { href: address, 'aria-current': name === current ? 'page' : undefined }, title)));

// panel is a part of a view with a title.
export const panel = (title, ...children) => element('section', { class: 'panel', 'aria-label': title }, element('h2', {}, title), children);
