// @ts-check
// What a results document says, merged: equal answers on consecutive analysed frames become one finding.
// It goes by the shape of the answers, as the account of the command line does, and knows no analyzer.

/**
 * @typedef {{frame_index: number, result: Record<string, any> & {time_s: number}}} Entry
 */

/**
 * @typedef {{x: number, y: number, w: number, h: number}} Box
 */

/**
 * @typedef {{what: string, kind: string, confidence: number | null, count: number}} Sighting
 */

/**
 * @typedef {Sighting & {firstFrame: number, lastFrame: number, firstS: number, lastS: number}} Finding
 */

const LONGEST_JSON = 200;

/**
 * The output nodes of the pipeline, in order.
 * @param {Entry[]} entries
 * @returns {string[]}
 */
export function nodesOf(entries) {
  return Object.keys(entries[0]?.result ?? {}).filter((name) => name !== 'time_s');
}

/**
 * Merge what a node answered, in the order of first sight.
 * @param {Entry[]} entries
 * @param {string} node
 * @returns {Finding[]}
 */
export function findingsOf(entries, node) {
  /** @type {Finding[]} */
  const found = [];
  /** @type {Map<string, Finding>} */
  let lasting = new Map();
  for (const {frame_index: frame, result} of entries) {
    const before = lasting;
    lasting = new Map();
    for (const [key, sighting] of sightings(result[node])) {
      let finding = before.get(key);
      if (!finding) {
        finding = {...sighting, firstFrame: frame, lastFrame: frame, firstS: result.time_s, lastS: result.time_s};
        found.push(finding);
      }
      finding.lastFrame = frame;
      finding.lastS = result.time_s;
      finding.confidence = higher(finding.confidence, sighting.confidence);
      finding.count = Math.max(finding.count, sighting.count);
      lasting.set(key, finding);
    }
  }
  return found;
}

/**
 * The place in `entries` of the last frame presented at or before a time, or -1.
 * @param {Entry[]} entries
 * @param {number} timeS
 * @returns {number}
 */
export function placeAt(entries, timeS) {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle].result.time_s <= timeS) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * Write a time as minutes, seconds and milliseconds, with hours if there are any.
 * @param {number} timeS
 * @returns {string}
 */
export function clock(timeS) {
  const milliseconds = Math.round(timeS * 1000);
  const hours = Math.floor(milliseconds / 3600000);
  const minutes = Math.floor(milliseconds / 60000) % 60;
  const seconds = ((milliseconds % 60000) / 1000).toFixed(3).padStart(6, '0');
  return hours ? `${hours}:${String(minutes).padStart(2, '0')}:${seconds}` : `${minutes}:${seconds}`;
}

/**
 * The name of one item of an answer.
 * @param {any} item
 * @returns {string}
 */
export function nameOf(item) {
  const name = item?.text ?? item?.label;
  if (typeof name === 'string') return name;
  const json = JSON.stringify(item);
  return json.length > LONGEST_JSON ? `${json.slice(0, LONGEST_JSON)}…` : json;
}

/**
 * What an answer names, equal things counted.
 * @param {any} answer
 * @returns {Map<string, Sighting>}
 */
export function sightings(answer) {
  /** @type {Map<string, Sighting>} */
  const seen = new Map();
  for (const sighting of named(answer)) {
    const key = JSON.stringify([sighting.what, sighting.kind]);
    const other = seen.get(key);
    const confidence = higher(sighting.confidence, other?.confidence ?? null);
    seen.set(key, {...sighting, confidence, count: (other?.count ?? 0) + 1});
  }
  return seen;
}

/**
 * @param {any} answer
 * @returns {Sighting[]}
 */
function named(answer) {
  if (answer === null || answer === undefined) return [];
  if (Array.isArray(answer)) return answer.map(sightingOf);
  if (Number.isInteger(answer.shot)) return [sightingOf({label: `shot ${answer.shot}`})];
  if (typeof answer === 'object' && Object.values(answer).some((value) => typeof value === 'boolean')) {
    return Object.keys(answer).filter((name) => answer[name] === true).map((label) => sightingOf({label}));
  }
  return [sightingOf(answer)];
}

/**
 * @param {any} item
 * @returns {Sighting}
 */
function sightingOf(item) {
  const confidence = typeof item?.confidence === 'number' ? item.confidence : null;
  return {what: nameOf(item), kind: String(item?.format ?? ''), confidence, count: 1};
}

/**
 * @param {number | null} one
 * @param {number | null} other
 * @returns {number | null}
 */
function higher(one, other) {
  return one === null ? other : other === null ? one : Math.max(one, other);
}
