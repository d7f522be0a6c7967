// The head of the page: whether the sidecar is ready, and how it is in figures.
import { byId, element, renew } from './dom.js';
import { age, bytes, counted, number, rate } from './words.js';
import { ask, readiness, Failure } from './api.js';

const durabilities = {
  full: 'fsynced before the reply',
  relaxed: 'survives a crash, not a power cut',
  memory: 'in memory: ends with this process',
};

// status is the last reply to status; statistics are the last figures.
export const status = { prefix: 'store' };
let statistics;

// head reads how the sidecar is, and shows it.
export async function head() {
  let ready;
  try {
    ready = await readiness();
  } catch {
    tell('not reachable: reconnecting …', true);
    return;
  }
  const reasons = ready.reasons.map(({ message }) => message);
  tell(ready.ready ? 'ready' : `not ready: ${reasons.join('; ')}`, !ready.ready);
  try {
    const [now, figures] = await Promise.all([ask('admin', 'status'), ask('admin', 'statistics')]);
    Object.assign(status, now);
    showFacts(now, figures);
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure;
    renew(byId('facts'), fact('Figures', failure.code === 401 ? 'need the token' : failure.message));
  }
}

function tell(text, bad) {
  const state = byId('state');
  if (state.textContent !== text) state.textContent = text;
  state.className = bad ? 'state bad' : 'state';
  document.title = bad ? 'storebus: not ready' : 'storebus';
}

const fact = (name, text) => element('div', { 'data-key': name }, element('dt', {}, name), element('dd', {}, text));

function showFacts(now, figures) {
  const seconds = statistics ? (Date.parse(figures.time) - Date.parse(statistics.time)) / 1000 : 0;
  const writes = seconds > 0 && figures.started === statistics.started ? `${rate(Math.max(0, figures.writes - statistics.writes) / seconds)} a second` : '–';
  statistics = figures;
  renew(byId('facts'),
    fact('Durability', durabilities[now.durability] ?? now.durability),
    fact('Keys', number(now.entries)),
    fact('Writes', writes),
    fact('Event backlog', late(counted(now.backlog, 'change'), now.backlog, now.oldest_unpublished_at)),
    fact('Journal', journal(now.journal)),
    now.durability !== 'memory' && now.database_bytes !== undefined ? fact('Database', `${bytes(now.database_bytes)} + ${bytes(now.wal_bytes)} WAL`) : '',
    fact('Running for', age(figures.started)));
  byId('version').textContent = now.version;
}

const late = (text, count, oldest) => (count && oldest ? `${text}, the oldest for ${age(oldest)}` : text);

function journal(state) {
  if (!state) return 'off';
  return state.endpoint ? late(`${number(state.pending)} pending`, state.pending, state.oldest_pending_at) : 'no endpoint';
}
