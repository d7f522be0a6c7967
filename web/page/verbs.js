// The verbs: how often they are asked, how long they take, and what went wrong.
import { column, element, every, panel, renew, table } from './dom.js';
import { duration, number, rate } from './words.js';
import { ask } from './api.js';

const samples = 60; // readings that a chart shows
const interval = 2000;
const columns = [column('Verb'), column('Per second', true), column('Per second, two minutes'), column('p50', true), column('p99', true),
  column('p99, two minutes'), column('Answered', true), column('Errors')];

// verbsPanel shows a line for each verb that anybody has used.
export function verbsPanel(signal) {
  const box = element('div', { class: 'stack' });
  const charts = new Map(); // of a verb: its rates, and the p99 of each interval
  let last;
  every(interval, signal, async () => {
    const now = await ask('admin', 'statistics', {}, signal);
    const used = Object.entries(now.verbs).filter(([, figures]) => figures.answered > 0);
    used.sort(([one, { answered }], [other, { answered: more }]) => more - answered || (one < other ? -1 : 1));
    const since = last?.started === now.started ? last : undefined;
    renew(box, used.length ? table('Table of verbs', columns, used.map(([verb, figures]) => row(verb, figures, now, since, charts)))
      : element('p', { class: 'soft' }, 'Nobody has asked for anything yet.'));
    last = now;
  });
  return panel('Verbs', box);
}

function row(verb, figures, now, last, charts) {
  const before = last?.verbs[verb];
  const seconds = last ? (Date.parse(now.time) - Date.parse(last.time)) / 1000 : 0;
  const perSecond = before && seconds > 0 ? (figures.answered - before.answered) / seconds : 0;
  const slowest = before ? percentile(0.99, now.latency_limits_ns, figures.latency_counts.map((count, index) => count - before.latency_counts[index])) : 0;
  const chart = charts.get(verb) ?? { rates: [], latencies: [] };
  charts.set(verb, chart);
  chart.rates = [...chart.rates, perSecond].slice(-samples);
  chart.latencies = [...chart.latencies, slowest].slice(-samples);
  const errors = Object.entries(figures.errors).map(([name, count]) => `${number(count)} ${name}`).join(', ');
  return { key: verb, cells: [
    element('span', { class: 'mono word' }, verb), rate(perSecond), line(`${verb}: requests a second`, chart.rates, rate),
    duration(figures.latency_ns.p50), duration(figures.latency_ns.p99), line(`${verb}: the 99th percentile of latency`, chart.latencies, duration),
    number(figures.answered), errors || '–',
  ] };
}

// percentile estimates from counts of replies up to each limit, which rise; 0 of none.
function percentile(fraction, limits, counts) {
  const wanted = fraction * counts.at(-1);
  const index = counts.findIndex((count) => count > 0 && count >= wanted);
  if (index < 0) return 0;
  const [low, below] = index === 0 ? [0, 0] : [limits[index - 1], counts[index - 1]];
  return low + (limits[index] - low) * (wanted - below) / (counts[index] - below);
}

const [width, height] = [96, 20];

// line draws figures as they came, the newest at the right, and says the largest.
function line(name, figures, text) {
  const most = Math.max(...figures);
  const y = (figure) => height - 1 - (most ? figure / most : 0) * (height - 3);
  const all = [...Array(samples - figures.length).fill(0), ...figures];
  const points = all.map((figure, index) => `${(index * width / (samples - 1)).toFixed(1)},${y(figure).toFixed(1)}`);
  return element('div', { class: 'chart' },
    element('svg', { class: 'spark', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `${name}, at most ${text(most)}` }, element('polyline', { points: points.join(' ') })),
    element('small', { class: 'soft' }, most ? `max ${text(most)}` : ''));
}
