// The token that lets this tab read: it is asked for once, kept in the tab, and sent by api.js.
import { byId } from './dom.js';

const name = 'storebus-token';
let asking = null; // while the dialog is open, what it resolves to
let declined = false; // "not now": nobody is asked again until the button is pressed
let whenChanged = () => {};

export const kept = () => sessionStorage.getItem(name);

export function forget() {
  sessionStorage.removeItem(name);
  show();
}

// needed asks for a token because a request needs one, and resolves to whether there is one.
export async function needed() {
  byId('token-button').hidden = false;
  if (declined) return false;
  return open();
}

function open() {
  asking ??= new Promise((resolve) => {
    const dialog = byId('token-dialog');
    const done = (given) => {
      asking = null;
      declined = !given;
      dialog.close();
      show();
      resolve(given);
    };
    byId('token-form').onsubmit = async (event) => {
      event.preventDefault();
      const token = byId('token').value.trim();
      const wrong = await isWrong(token);
      byId('token-wrong').textContent = wrong;
      if (wrong) return;
      sessionStorage.setItem(name, token);
      byId('token').value = '';
      done(true);
    };
    byId('token-cancel').onclick = () => done(false);
    dialog.oncancel = (event) => { event.preventDefault(); done(false); };
    byId('token-wrong').textContent = '';
    dialog.showModal();
  });
  return asking;
}

// isWrong tells what is wrong with a token, "" if it lets somebody in.
async function isWrong(token) {
  try {
    const response = await fetch('v1/admin/status', { cache: 'no-store', headers: { Authorization: `Bearer ${token}` } });
    return response.status === 401 ? 'The sidecar does not take this token.' : '';
  } catch (failure) {
    return failure instanceof TypeError && /header/i.test(failure.message) ? 'A token has no such characters.' : 'The sidecar does not answer: try again.';
  }
}

function show() {
  const button = byId('token-button');
  button.textContent = kept() ? 'Forget token' : 'Enter token';
  if (kept()) button.hidden = false;
}

// start shows the button, which calls changed when there is another token, or none.
export function start(changed) {
  whenChanged = changed;
  byId('token-button').addEventListener('click', async () => {
    if (kept()) {
      forget();
      declined = true;
      whenChanged();
    } else if (await open()) whenChanged();
  });
  show();
}
