// Numbers, sizes and times as people read them.

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

// rate: 0.25 is "0.3", 12.5 is "13".
export const rate = (perSecond) => (perSecond === 0 ? '0' : perSecond < 10 ? perSecond.toFixed(1) : number(Math.round(perSecond)));

// duration: of nanoseconds, 1500000 is "1.5 ms".
export function duration(nanoseconds) {
  if (!nanoseconds) return '–';
  if (nanoseconds < 1e6) return `${Math.round(nanoseconds / 1e3)} µs`;
  if (nanoseconds < 1e9) return `${(nanoseconds / 1e6).toFixed(1)} ms`;
  return `${(nanoseconds / 1e9).toFixed(2)} s`;
}

// span: a number of seconds in its two largest units, "59 min 12 s".
function span(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

// until: the time that is left to a moment; "" once it has come.
export function until(moment) {
  const seconds = Math.ceil((Date.parse(moment) - Date.now()) / 1000);
  return seconds > 0 ? span(seconds) : '';
}

// age: how long ago a moment was.
export const age = (moment) => span(Math.max(0, Math.round((Date.now() - Date.parse(moment)) / 1000)));

// clock: the time of day of a moment, with milliseconds.
export const clock = (moment) => moment.slice(11, 23).replace('Z', '');

// date: the day and the time of a moment, "2026-11-22 10:00:00 UTC".
export const date = (moment) => `${moment.slice(0, 10)} ${moment.slice(11, 19)} UTC`;
