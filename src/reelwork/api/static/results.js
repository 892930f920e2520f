// @ts-check
// What was found: a table of findings, and the video with what was found drawn over it.

import {element, make} from './elements.js';
import {clock, findingsOf, nameOf, nodesOf, placeAt, sightings} from './findings.js';

/** @typedef {import('./findings.js').Entry} Entry */
/** @typedef {import('./findings.js').Finding} Finding */

const MOST_ROWS = 500;
const NODE_COLOURS = 4;
// Less than the time between two frames, more than the rounding of a media clock.
const TIME_TOLERANCE_S = 0.002;

const stage = element('stage', HTMLElement);
const video = element('video', HTMLVideoElement);
const overlay = element('overlay', SVGSVGElement);
const tags = element('tags', HTMLElement);
const now = element('now', HTMLElement);
const attach = element('attach', HTMLElement);
const findings = element('findings', HTMLElement);

/** @type {Entry[]} */
let entries = [];
/** @type {{row: HTMLElement, finding: Finding}[]} */
let rows = [];

/**
 * @param {Entry[]} found
 * @param {File | null} file the video, if this device sent it
 * @param {string | null} stored where the service has it, if it can be had without a key
 */
export function showResults(found, file, stored) {
  entries = found;
  rows = [];
  findings.replaceChildren(...nodesOf(entries).flatMap(section));
  play(file, stored);
}

/**
 * @param {string} node
 * @param {number} position
 * @returns {HTMLElement[]}
 */
function section(node, position) {
  const found = findingsOf(entries, node);
  const note = found.length === 0 ? 'nothing found' : found.length > MOST_ROWS ? `first ${MOST_ROWS} of ${found.length}` : '';
  const heading = make('h2', {className: `node-${position % NODE_COLOURS}`}, node, make('small', {}, note));
  if (found.length === 0) return [heading];
  const sure = found.some(({confidence}) => confidence !== null);
  const names = ['When', 'What', ...(sure ? ['Confidence'] : [])];
  const head = make('tr', {}, ...names.map((name) => make('th', {scope: 'col', className: name.toLowerCase()}, name)));
  const body = make('tbody', {}, ...found.slice(0, MOST_ROWS).map((finding) => row(finding, position, sure)));
  return [heading, make('table', {ariaLabel: node}, make('thead', {}, head), body)];
}

/**
 * @param {Finding} finding
 * @param {number} position
 * @param {boolean} sure whether there is a column for the confidence
 * @returns {HTMLElement}
 */
function row(finding, position, sure) {
  const {what, kind, count, confidence, firstS, lastS, firstFrame, lastFrame} = finding;
  const several = lastFrame > firstFrame;
  const frames = several ? `frames ${firstFrame} to ${lastFrame}` : `frame ${firstFrame}`;
  const times = several ? `${clock(firstS)} – ${clock(lastS)}` : clock(firstS);
  const cells = [
    make('td', {className: 'when'}, make('button', {type: 'button', title: `Go to ${frames}`}, times), track(firstS, lastS)),
    make('td', {className: 'what'}, what, count > 1 ? ` ×${count}` : '', make('small', {}, kind)),
  ];
  if (sure) cells.push(make('td', {className: 'confidence'}, confidence === null ? '' : `${Math.round(confidence * 100)} %`));
  const made = make('tr', {className: `node-${position % NODE_COLOURS}`}, ...cells);
  made.onclick = () => seek(firstS);
  rows.push({row: made, finding});
  return made;
}

/**
 * Draw when in the video something is to be seen.
 * @param {number} firstS
 * @param {number} lastS
 * @returns {HTMLElement}
 */
function track(firstS, lastS) {
  const startS = entries[0].result.time_s;
  const wholeS = entries[entries.length - 1].result.time_s - startS || 1;
  const bar = make('span', {className: 'bar'});
  // As wide as it is at least, it is to be seen at the very end, too.
  bar.style.left = `min(${(100 * (firstS - startS)) / wholeS}%, 100% - .3rem)`;
  bar.style.width = `${(100 * (lastS - firstS)) / wholeS}%`;
  return make('span', {className: 'track'}, bar);
}

/** @param {number} timeS */
function seek(timeS) {
  if (stage.hidden) return attach.scrollIntoView({behavior: 'smooth', block: 'center'});
  video.pause();
  video.currentTime = timeS + TIME_TOLERANCE_S / 2;
  if (stage.getBoundingClientRect().top < 0) stage.scrollIntoView({behavior: 'smooth'});
}

// ---- the video and what lies over it

/**
 * Play the person's own file, or the service's: a video element shows no key, where one is asked for.
 * @param {File | null} own
 * @param {string | null} [stored]
 */
export function play(own, stored = null) {
  URL.revokeObjectURL(video.src);
  const source = own ? URL.createObjectURL(own) : stored;
  if (source) video.src = source;
  // The job's video may be gone, or of a kind that this browser does not play.
  video.onerror = () => own === null && play(null);
  stage.hidden = now.hidden = source === null;
  attach.hidden = source !== null;
  draw(0);
}

function drawEveryFrame() {
  video.requestVideoFrameCallback((_, frame) => {
    draw(frame.mediaTime);
    drawEveryFrame();
  });
}

/** @param {number} timeS */
function draw(timeS) {
  const entry = stage.hidden ? undefined : entries[placeAt(entries, timeS + TIME_TOLERANCE_S)];
  overlay.replaceChildren();
  tags.replaceChildren();
  for (const {row, finding} of rows) {
    row.classList.toggle('current', !!entry && finding.firstFrame <= entry.frame_index && entry.frame_index <= finding.lastFrame);
  }
  now.textContent = entry ? caption(entry) : '';
  if (!entry) return;
  for (const [position, node] of nodesOf(entries).entries()) {
    const answer = entry.result[node];
    for (const item of Array.isArray(answer) ? answer : []) outline(item, `node-${position % NODE_COLOURS}`);
  }
}

/** @param {Entry} entry */
function caption(entry) {
  const whole = nodesOf(entries).filter((node) => !Array.isArray(entry.result[node]));
  const names = whole.flatMap((node) => [...sightings(entry.result[node]).values()].map(({what}) => what));
  return [`frame ${entry.frame_index}`, clock(entry.result.time_s), ...names].join(' · ');
}

/**
 * @param {any} item
 * @param {string} className
 */
function outline(item, className) {
  const box = item?.box;
  if (typeof box?.x !== 'number') return;
  const {x, y, w, h} = box;
  const corners = item.polygon ?? [[x, y], [x + w, y], [x + w, y + h], [x, y + h]];
  const shape = document.createElementNS('http://www.w3.org/2000/svg', 'polygon');
  shape.setAttribute('points', corners.map((/** @type {number[]} */ corner) => corner.join(',')).join(' '));
  shape.setAttribute('class', className);
  overlay.append(shape);
  const tag = make('span', {className}, nameOf(item));
  const above = y > 0.07;
  tag.classList.toggle('below', !above);
  if (x + w / 2 < 0.6) tag.style.left = `${100 * x}%`;
  else tag.style.right = `${100 * (1 - x - w)}%`;
  tag.style.top = `${100 * (above ? y : y + h)}%`;
  tags.append(tag);
}

drawEveryFrame();
