// @ts-check
// The page: choose a video, send it, follow its job.

import {element, make} from './elements.js';
import {clock} from './findings.js';
import {askForKey, keyHeaders, wantsKey} from './keys.js';
import {play, showResults} from './results.js';

const PREFERRED_PIPELINE = 'text';
const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 5000;
const LONG_WAIT_MS = 15000;
const JOB_ID = /^#([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

const form = element('form', HTMLFormElement);
const submitButton = element('submit', HTMLButtonElement);
const job = element('job', HTMLElement);
const status = element('status', HTMLElement);
const progress = element('progress', HTMLProgressElement);
const problem = element('problem', HTMLElement);
const results = element('results', HTMLElement);
const cancel = element('cancel', HTMLButtonElement);
const download = element('download', HTMLAnchorElement);
const again = element('again', HTMLButtonElement);

/** @type {File | null} */
let file = null;
let following = '';
/** @type {Map<string, File>} */
const sent = new Map();

// ---- the form

async function listPipelines() {
  const choices = element('pipelines', HTMLElement);
  const answer = await ask('/pipelines');
  if (!answer?.ok) {
    choices.textContent = 'The service does not answer. Trying again…';
    setTimeout(listPipelines, LONGEST_PAUSE_MS);
    return;
  }
  const {pipelines} = answer.body;
  pipelines.sort((/** @type {any} */ one, /** @type {any} */ other) => Number(other.available) - Number(one.available));
  choices.replaceChildren(...pipelines.map(choice));
  const usable = /** @type {HTMLInputElement[]} */ ([...choices.querySelectorAll('input:enabled')]);
  const preferred = usable.find((input) => input.value === PREFERRED_PIPELINE) ?? usable[0];
  if (preferred) preferred.checked = true;
  showForm();
}

/**
 * @param {{name: string, description: string, available: boolean, unavailable_because: string | null}} pipeline
 * @returns {HTMLElement}
 */
function choice({name, description, available, unavailable_because: reason}) {
  const input = make('input', {type: 'radio', name: 'pipeline', value: name, disabled: !available});
  const texts = [make('strong', {}, name), make('span', {}, description)];
  if (reason) texts.push(make('small', {}, reason));
  return make('label', {className: 'choice'}, input, make('span', {className: 'about'}, ...texts));
}

/** @param {File | null | undefined} chosen */
function take(chosen) {
  if (!chosen) return;
  file = chosen;
  element('file-name', HTMLElement).textContent = chosen.name;
  element('file-note', HTMLElement).textContent = `${megabytes(chosen.size)} · choose or drop another to replace it`;
  showForm();
}

function showForm() {
  element('drop', HTMLElement).classList.toggle('taken', file !== null);
  submitButton.disabled = file === null || !form.querySelector('input[name=pipeline]:checked');
}

/** @param {number} bytes */
function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

// ---- upload

/** @param {File} chosen */
function upload(chosen) {
  const query = new URLSearchParams();
  const pipeline = /** @type {HTMLInputElement} */ (form.querySelector('input[name=pipeline]:checked'));
  query.set('pipeline', pipeline.value);
  for (const name of ['frame-stride', 'max-frames']) {
    const {value} = element(name, HTMLInputElement);
    if (value) query.set(name.replace('-', '_'), value);
  }
  // Not fetch: it tells nothing about how far an upload is.
  const request = new XMLHttpRequest();
  request.open('POST', `/video/submit?${query}`);
  request.setRequestHeader('Content-Type', 'video/mp4');
  for (const [name, value] of Object.entries(keyHeaders())) request.setRequestHeader(name, value);
  request.responseType = 'json';
  request.upload.onprogress = ({loaded, total}) => {
    say(`Sending: ${megabytes(loaded)} of ${megabytes(total)}`, total ? loaded / total : 1);
  };
  request.upload.onload = () => say('Sent. The service checks the video…');
  request.onload = async () => {
    if (wantsKey(request.status)) {
      show('form');
      await askForKey(request.response);
      return upload(chosen);
    }
    if (request.status !== 202) return complain(request.response, request.status);
    sent.set(request.response.job_id, chosen);
    location.hash = request.response.job_id;
  };
  request.onerror = () => complain({detail: 'The connection was lost. Is the service still running?'}, 0);
  request.onabort = () => show('form');
  cancel.onclick = () => request.abort();
  show('job');
  cancel.hidden = false;
  say('Sending…', 0);
  request.send(chosen);
}

// ---- the job

/** @param {string} jobId */
async function follow(jobId) {
  following = jobId;
  show('job');
  element('job-title', HTMLElement).textContent = sent.get(jobId)?.name ?? `Job ${jobId.slice(0, 8)}…`;
  const began = Date.now();
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
    const answer = await ask(`/video/status/${jobId}`);
    if (following !== jobId) return;
    if (answer?.status === 404) return complain(answer.body, 404);
    if (answer?.body?.progress === 1) return finish(jobId);
    say(happening(answer?.body?.status, Date.now() - began));
    await new Promise((resume) => setTimeout(resume, pause));
    if (following !== jobId) return;
  }
}

/**
 * @param {string | undefined} jobStatus
 * @param {number} waitedMs
 */
function happening(jobStatus, waitedMs) {
  if (jobStatus === 'running') return 'Analysing…';
  if (jobStatus !== 'pending') return 'The service does not answer. The job is safe; trying again…';
  return waitedMs < LONG_WAIT_MS
    ? 'Waiting for a worker…'
    : 'Still waiting for a worker: others may be first, or none is running. One is started with: reelwork worker';
}

/** @param {string} jobId */
async function finish(jobId) {
  const answer = await ask(`/video/results/${jobId}`);
  if (following !== jobId) return;
  if (answer && !answer.ok) return complain(answer.body, answer.status);
  if (!answer) {
    say(happening(undefined, 0));
    setTimeout(() => following === jobId && finish(jobId), LONGEST_PAUSE_MS);
    return;
  }
  const own = sent.get(jobId) ?? null;
  const {results: entries} = answer.body;
  const last = entries.at(-1);
  const frames = `${entries.length} frame${entries.length === 1 ? '' : 's'} analysed`;
  say(last ? `Done: ${frames}, up to ${clock(last.result.time_s)}.` : `Done: ${frames}.`, 1);
  progress.hidden = true;
  again.hidden = download.hidden = results.hidden = false;
  download.href = `/video/results/${jobId}`;
  download.onclick = (event) => downloadWithKey(event, jobId);
  download.download = `${own?.name.replace(/\.mp4$/i, '') ?? jobId}.json`;
  showResults(entries, own, keyHeaders().Authorization ? null : `/video/jobs/${jobId}/media`);
}

/**
 * A link shows no key: where one is needed, the document is fetched first.
 * @param {MouseEvent} event
 * @param {string} jobId
 */
async function downloadWithKey(event, jobId) {
  const headers = keyHeaders();
  if (!headers.Authorization || download.href.startsWith('blob:')) return;
  event.preventDefault();
  const response = await fetch(`/video/results/${jobId}`, {headers});
  download.href = URL.createObjectURL(await response.blob());
  download.click();
}

/**
 * Ask the service; null when it does not answer.
 * @param {string} path
 * @returns {Promise<{ok: boolean, status: number, body: any} | null>}
 */
async function ask(path) {
  try {
    const response = await fetch(path, {headers: keyHeaders()});
    const answer = {ok: response.ok, status: response.status, body: await response.json()};
    if (!wantsKey(answer.status)) return answer;
    await askForKey(answer.body);
  } catch {
    return null;
  }
  return ask(path);
}

/**
 * @param {string} sentence
 * @param {number} [share] how much is done; left out while nobody knows
 */
function say(sentence, share) {
  if (status.textContent !== sentence) status.textContent = sentence;
  progress.hidden = false;
  if (share === undefined) progress.removeAttribute('value');
  else progress.value = share;
}

/**
 * Show an RFC 9457 problem.
 * @param {any} body
 * @param {number} httpStatus
 */
function complain(body, httpStatus) {
  const failed = body?.job_status === 'failed';
  const title = failed ? 'The analysis failed' : body?.title ?? 'That did not work';
  const detail = (failed && body.error_message) || body?.detail || `The service answered ${httpStatus || 'nothing'}.`;
  show('job');
  say('', 0);
  progress.hidden = true;
  again.hidden = false;
  problem.replaceChildren(make('strong', {}, title), ' ', detail);
  problem.hidden = false;
}

/** @param {'form' | 'job'} part */
function show(part) {
  form.hidden = part !== 'form';
  job.hidden = part !== 'job';
  for (const other of [problem, results, cancel, download, again]) other.hidden = true;
  element('video', HTMLVideoElement).pause();
}

// ---- wiring

function route() {
  const jobId = JOB_ID.exec(location.hash)?.[1];
  following = '';
  if (jobId) follow(jobId);
  else show('form');
}

/**
 * @param {string} id
 * @param {(chosen: File | undefined) => void} use
 */
function onChoice(id, use) {
  const input = element(id, HTMLInputElement);
  input.addEventListener('change', () => {
    use(input.files?.[0]);
    input.value = '';
  });
}

onChoice('file', take);
onChoice('own-file', (own) => own && play(own));
form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (file) upload(file);
});
again.addEventListener('click', () => {
  if (location.hash) location.hash = '';
  else show('form');
});
for (const event of ['dragover', 'dragleave', 'drop']) {
  document.addEventListener(event, (happened) => {
    happened.preventDefault();
    element('drop', HTMLElement).classList.toggle('over', event === 'dragover');
  });
}
document.addEventListener('drop', (event) => {
  if (!form.hidden) take(event.dataTransfer?.files[0]);
});
window.addEventListener('hashchange', route);
listPipelines();
route();
