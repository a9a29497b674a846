import type { NoveltyPrior } from '../../schemas/priors.ts';
import { calibrate } from '../calibrate.ts';
import { nextNewExpected, nextNewSeen, pNew } from '../estimators/pitman-yor.ts';
import {
  axisState,
  LN_P,
  ROUTE_BLOOM,
  ROUTE_BLOOM_BITS,
  ROUTE_DRAWS,
  ROUTE_HOUR_BLOOM,
  ROUTE_HOUR_BLOOM_BITS,
  ROUTE_STATE,
  SEEN_IN_HOUR,
  SLOTS,
  SLOTS_AT,
  tickBase,
} from '../layout.ts';
import { NOT_SCORED, type RowView, type TailMaps } from '../row-view.ts';

/**
 * Something new in the context (network, country, user-agent family, TLS fingerprint) or a first use of a route:
 * Pitman-Yor with an individual multiplier. A draw is a value used within an hour tick, once a value; the p of a new
 * value at the k-th draw of the hour is k P_new, so that an hour with many draws is not held against the identity.
 * The p counts for the open minute and the open hour; a day has its say through neither.
 *
 * Values are remembered as hashes: 6 values an axis with counts (space-saving), routes in a 256-bit Bloom filter. What it
 * misses: a value that the filter takes for known (4 % at 30 routes, 25 % at 90); how rare the value is among peers.
 */

/** Ticks whose evidence a new value enters: minute and hour. */
const TICKS_OF_NOVELTY = [0, 1] as const;
const CONTEXT_CHANNEL = 3;
const ROUTE_CHANNEL = 7;
/** Counts in a slot stop here; they only order the slots. */
const COUNT_MAX = 255;

let lastLnP = 0;
/** Raw ln p of the draw that `drawContext` or `drawRoute` just made; 0 for a value that was known. */
export const lnPOfDraw = (): number => lastLnP;

/** Draws a context value. Returns bits: 1 = there was a draw, 4 = the value is new and a calibrated p fell. */
export function drawContext(view: RowView, maps: TailMaps, axis: number, value: number): number {
  const { words } = view;
  const slots = view.at + axisState(axis) + SLOTS_AT;
  const key = value >>> 8;
  const seenAt = view.at + SEEN_IN_HOUR;
  const shift = axis * 8;
  let weakest = 0;
  let least = COUNT_MAX + 1;
  for (let i = 0; i < SLOTS; i++) {
    const slot = words[slots + i] as number;
    const count = slot & 255;
    if (count !== 0 && slot >>> 8 === key) {
      const bit = 1 << (shift + i);
      if (((words[seenAt] as number) & bit) !== 0) return 0;
      words[seenAt] = (words[seenAt] as number) | bit;
      if (count < COUNT_MAX) words[slots + i] = slot + 1;
      return draw(view, maps, view.at + axisState(axis), prior(view, axis), CONTEXT_CHANNEL + axis, 1, false);
    }
    if (count < least) {
      least = count;
      weakest = i;
    }
  }
  words[slots + weakest] = ((key << 8) | Math.min(COUNT_MAX, least + 1)) >>> 0;
  words[seenAt] = (words[seenAt] as number) | (1 << (shift + weakest));
  const drawn = bitCount(((words[seenAt] as number) >>> shift) & 255);
  return draw(view, maps, view.at + axisState(axis), prior(view, axis), CONTEXT_CHANNEL + axis, drawn, true);
}

/** Draws a route (hash of method and template). Returns the same bits as `drawContext`. */
export function drawRoute(view: RowView, maps: TailMaps, route: number): number {
  const { words } = view;
  if (!addToBloom(words, view.at + ROUTE_HOUR_BLOOM, ROUTE_HOUR_BLOOM_BITS, route)) return 0;
  const isNew = addToBloom(words, view.at + ROUTE_BLOOM, ROUTE_BLOOM_BITS, route);
  const draws = (words[view.at + ROUTE_DRAWS] as number) + 1;
  words[view.at + ROUTE_DRAWS] = draws;
  return draw(view, maps, view.at + ROUTE_STATE, view.priors.route, ROUTE_CHANNEL, draws, isNew);
}

/** Forgets which values were drawn: a new hour begins. */
export function startHour(view: RowView): void {
  view.words[view.at + SEEN_IN_HOUR] = 0;
  view.words[view.at + ROUTE_DRAWS] = 0;
  view.words.fill(0, view.at + ROUTE_HOUR_BLOOM, view.at + ROUTE_HOUR_BLOOM + ROUTE_HOUR_BLOOM_BITS / 32);
}

function prior(view: RowView, axis: number): NoveltyPrior {
  return view.priors.context[axis] as NoveltyPrior;
}

function draw(
  view: RowView,
  maps: TailMaps,
  state: number,
  group: NoveltyPrior,
  channel: number,
  drawsInHour: number,
  isNew: boolean,
): number {
  const { floats } = view;
  const n = floats[state] as number;
  const distinct = floats[state + 1] as number;
  const observed = floats[state + 2] as number;
  const expected = floats[state + 3] as number;
  // The very first value of an identity is new by definition and says nothing.
  const p = n === 0 ? 1 : pNew(n, distinct, observed, expected, group.theta, group.discount);
  floats[state + 2] = n === 0 ? 0 : nextNewSeen(observed, isNew);
  floats[state + 3] = n === 0 ? 0 : nextNewExpected(expected, n, distinct, group.theta, group.discount);
  floats[state] = n + 1;
  if (isNew) floats[state + 1] = distinct + 1;
  lastLnP = isNew ? Math.min(0, Math.log(p * drawsInHour)) : 0;
  let fell = false;
  for (const tick of TICKS_OF_NOVELTY) {
    const at = view.at + tickBase(tick) + LN_P + channel;
    const calibrated = isNew
      ? calibrate((maps.channels[channel] as TailMaps['total'])[tick] as Float64Array, lastLnP)
      : 0;
    const before = floats[at] as number;
    if (calibrated < before) {
      floats[at] = calibrated;
      if (before === NOT_SCORED ? calibrated < 0 : true) fell = true;
    }
  }
  return fell ? 5 : 1;
}

/** Two bits a value, from the two halves of its hash. True when the value was not there. */
function addToBloom(words: Uint32Array, at: number, bits: number, hash: number): boolean {
  const first = hash & (bits - 1);
  const second = (hash >>> 16) & (bits - 1);
  const a = at + (first >>> 5);
  const b = at + (second >>> 5);
  const maskA = 1 << (first & 31);
  const maskB = 1 << (second & 31);
  const known = ((words[a] as number) & maskA) !== 0 && ((words[b] as number) & maskB) !== 0;
  words[a] = (words[a] as number) | maskA;
  words[b] = (words[b] as number) | maskB;
  return !known;
}

function bitCount(byte: number): number {
  let bits = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) bits += 1;
  return bits;
}
