// The feed of changes as it comes over HTTP: every change once, in order, across restarts.
import { Failure, query, request } from './api.js';

// follow calls on.change with each change after a revision until the signal aborts.
// on.state tells of the connection, on.compacted of changes that the log holds no longer.
export async function follow(namespace, from, on, signal) {
  let { after, store } = from;
  let pause = 500;
  while (!signal.aborted) {
    const attempt = new AbortController();
    const end = () => attempt.abort();
    signal.addEventListener('abort', end, { once: true });
    try {
      const path = `v1/${encodeURIComponent(namespace)}/changes${query({ after, store })}`;
      const response = await within(10_000, request(path, { signal: attempt.signal }));
      on.state(true);
      for await (const message of messages(response.body)) {
        pause = 500;
        if (message.event === 'change') {
          const change = JSON.parse(message.data);
          if (change.revision <= after) continue;
          ({ revision: after, store } = change);
          on.change(change);
        } else if (message.event === 'compacted') {
          const outside = JSON.parse(message.data);
          on.compacted(outside);
          ({ revision: after, store } = outside);
        }
      }
    } catch (failure) {
      if (signal.aborted) return;
      if (failure instanceof Failure && failure.code < 500) throw failure;
    } finally {
      signal.removeEventListener('abort', end);
      end();
    }
    if (signal.aborted) return;
    on.state(false);
    await sleep(pause, signal);
    pause = Math.min(pause * 2, 5000);
  }
}

// messages reads server-sent events. Its stream ends with an error if nothing, not even a
// comment, has come for 45 seconds.
async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  try {
    for (;;) {
      const { value, done } = await within(45_000, reader.read());
      if (done) return;
      text += value;
      let end;
      while ((end = text.indexOf('\n\n')) >= 0) {
        const message = { event: 'message', data: '' };
        for (const line of text.slice(0, end).split('\n')) {
          // A value may hold separators of lines that JSON leaves as they are: hence "s".
          const [, name, content] = /^([a-z]*): ?(.*)$/s.exec(line) ?? [];
          if (name === 'event') message.event = content;
          if (name === 'data') message.data += content;
        }
        text = text.slice(end + 2);
        if (message.data) yield message;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

// within fails if a promise takes longer than some milliseconds.
function within(milliseconds, promise) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('nothing was heard')), milliseconds); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function sleep(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
