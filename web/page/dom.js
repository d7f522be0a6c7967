// What the page is made of. No text of the store becomes markup: every string is a text node.

// element makes an element: element('a', {href: '#/', class: 'brand'}, 'storebus').
export function element(tag, attributes = {}, ...children) {
  const made = tag === 'svg' || tag === 'polyline' || tag === 'title'
    ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return made;
}

export const byId = (id) => document.getElementById(id);

// say tells a screen reader what has happened.
export function say(text) { byId('said').textContent = text; }

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

// bytes: 1536 is "1.5 KiB".
export function bytes(count) {
  let unit = 0;
  let left = Number(count);
  while (left >= 1024 && unit < units.length - 1) { left /= 1024; unit++; }
  return `${unit === 0 ? left : left.toFixed(left < 10 ? 1 : 0)} ${units[unit]}`;
}

// counted: 1 key, 2 keys.
export const counted = (count, noun) => `${number(count)} ${noun}${Number(count) === 1 ? '' : 's'}`;

export const number = (count) => Number(count).toLocaleString('en-GB');

// duration: of nanoseconds, 1500000 is "1.5 ms".
export function duration(nanoseconds) {
  if (!nanoseconds) return '–';
  if (nanoseconds < 1e6) return `${Math.round(nanoseconds / 1e3)} µs`;
  if (nanoseconds < 1e9) return `${(nanoseconds / 1e6).toFixed(1)} ms`;
  return `${(nanoseconds / 1e9).toFixed(2)} s`;
}

// until: the time that is left to a moment, "59 min 12 s", or "now".
export function until(moment) {
  const seconds = Math.ceil((Date.parse(moment) - Date.now()) / 1000);
  if (seconds <= 0) return 'now';
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

// clock: the time of day of a moment, with milliseconds.
export const clock = (moment) => moment.slice(11, 23).replace('Z', '');

// age: how long ago a moment was.
export function age(moment) {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(moment)) / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}
