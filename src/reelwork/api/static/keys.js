// @ts-check
// The API key, where the service asks for one: kept for as long as the tab is open, and sent with every request.

import {element} from './elements.js';

const STORED_AS = 'reelwork-api-key';

const form = element('key-form', HTMLFormElement);
const input = element('key', HTMLInputElement);
const reason = element('key-reason', HTMLElement);

/** @type {(() => void)[]} */
let waiting = [];

/**
 * The headers that show the key; none if there is no key.
 * @returns {Record<string, string>}
 */
export function keyHeaders() {
  const key = sessionStorage.getItem(STORED_AS);
  return key ? {Authorization: `Bearer ${key}`} : {};
}

/**
 * Whether a refusal is one that another key would mend.
 * @param {number} httpStatus
 */
export function wantsKey(httpStatus) {
  return httpStatus === 401 || httpStatus === 403;
}

/**
 * Ask the person for a key, and wait until there is one.
 * @param {any} problem why it is asked for
 * @returns {Promise<void>}
 */
export function askForKey(problem) {
  // The first request without a key is how the page finds out: nothing to complain of.
  const known = sessionStorage.getItem(STORED_AS) !== null;
  reason.textContent = known ? problem?.detail ?? 'That key is not good.' : '';
  reason.hidden = !known;
  if (form.hidden) {
    form.hidden = false;
    input.focus();
  }
  return new Promise((resume) => waiting.push(resume));
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const key = input.value.trim();
  if (!key) return;
  sessionStorage.setItem(STORED_AS, key);
  input.value = '';
  form.hidden = true;
  const resumed = waiting;
  waiting = [];
  for (const resume of resumed) resume();
});
