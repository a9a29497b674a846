import { CHANNELS, FAMILIES, FAMILY_OF, TICK_MS, TICKS } from '../schemas/decision.ts';
import type { GroupPriors } from '../schemas/priors.ts';
import { calibrate } from './calibrate.ts';
import { cauchyLnP, cauchyTerm } from './estimators/cauchy-combination.ts';
import { decay } from './estimators/decay.ts';
import { lnEvidence } from './estimators/evidence.ts';
import { BASE, BASE_FAMILY, LN_E, LN_E_FAMILY, LN_P, tickBase } from './layout.ts';
import { NOT_SCORED, type RowView, type TailMaps } from './row-view.ts';

/**
 * From the calibrated p-values of an open tick to accumulated evidence L in nats.
 *
 * Channels combine within their family, and the families with each other, by the truncated Cauchy combination, which
 * stays valid in the far tail under dependence; only what was scored in the tick takes part. The result is calibrated
 * once more, turned into an e-value, tempered by eta and added to what earlier ticks left (a CUSUM of log e-values that
 * decays with a half-life). Three tick lengths accumulate apart; their offsets put them on one scale and pay for looking
 * three times.
 */

/** Half-life of accumulated evidence: three days, so that a weekend does not wash out a Friday. */
export const EVIDENCE_HALF_LIFE_MS = 72 * 3_600_000;

const FAMILY_NUMBER = CHANNELS.map((channel) => FAMILIES.indexOf(FAMILY_OF[channel]));
const CHANNEL_COUNT = CHANNELS.length;
const REQUESTS_CHANNEL = CHANNELS.indexOf('requests');
const FAILURES_CHANNEL = CHANNELS.indexOf('auth_failures');
const FAMILY_COUNT = FAMILIES.length;
/** ln e of a tick in which nothing was unusual: the limit of the evidence at p = 1 is 1/2. */
const LN_E_OF_NOTHING = Math.log(0.5);

const familySum = new Float64Array(FAMILY_COUNT);
const familyChannels = new Uint8Array(FAMILY_COUNT);
const familyLnP = new Float64Array(FAMILY_COUNT);

/** All channels, or none of them. */
const ALL = -1;
const NONE = -2;

/**
 * Combined raw ln p of the tick over its families; leaves the family values in `familyLnP`. `only` = the one channel whose
 * p is used, the others read as p = 1.
 */
function combine(view: RowView, tick: number, only: number): number {
  familySum.fill(0);
  familyChannels.fill(0);
  const at = view.at + tickBase(tick) + LN_P;
  for (let channel = 0; channel < CHANNEL_COUNT; channel++) {
    const lnP = view.floats[at + channel] as number;
    if (lnP === NOT_SCORED) continue;
    const family = FAMILY_NUMBER[channel] as number;
    familySum[family] = (familySum[family] as number) + cauchyTerm(only === ALL || channel === only ? lnP : 0);
    familyChannels[family] = (familyChannels[family] as number) + 1;
  }
  let sum = 0;
  let families = 0;
  for (let family = 0; family < FAMILY_COUNT; family++) {
    const channels = familyChannels[family] as number;
    if (channels === 0) continue;
    const lnP = cauchyLnP(familySum[family] as number, channels);
    familyLnP[family] = lnP;
    sum += cauchyTerm(lnP);
    families += 1;
  }
  return families === 0 ? 0 : cauchyLnP(sum, families);
}

/** Scores the open tick: writes its tempered evidence, in all and by family. Returns the raw combined ln p. */
export function assessTick(view: RowView, maps: TailMaps, tick: number): number {
  const raw = combine(view, tick, ALL);
  const eta = view.priors.eta[tick] as number;
  const at = view.at + tickBase(tick);
  view.floats[at + LN_E] = eta * lnEvidence(calibrate(maps.total[tick] as Float64Array, raw));
  for (let family = 0; family < FAMILY_COUNT; family++) {
    const lnE = (familyChannels[family] as number) === 0 ? LN_E_OF_NOTHING : lnEvidence(familyLnP[family] as number);
    view.floats[at + LN_E_FAMILY + family] = eta * lnE;
  }
  return raw;
}

/**
 * How many nats of the open tick's evidence a channel brings by itself, all others read as usual. The combination is led
 * by its strongest channel, so what goes away when one of two strong channels is left out would be next to nothing.
 */
export function contribution(view: RowView, maps: TailMaps, tick: number, channel: number): number {
  const eta = view.priors.eta[tick] as number;
  const map = maps.total[tick] as Float64Array;
  const nothing = lnEvidence(calibrate(map, combine(view, tick, NONE)));
  return eta * (lnEvidence(calibrate(map, combine(view, tick, channel))) - nothing);
}

/** Puts the closed tick's evidence into the accumulators and decays them over the ticks until the next one opens. */
export function accumulate(view: RowView, tick: number, ticksBetween: number): void {
  const length = TICK_MS[TICKS[tick] as (typeof TICKS)[number]];
  const left = decay(ticksBetween * length, EVIDENCE_HALF_LIFE_MS);
  const at = view.at + tickBase(tick);
  const { floats } = view;
  for (let i = 0; i <= FAMILY_COUNT; i++) {
    const level = (floats[at + BASE + i] as number) + (floats[at + LN_E + i] as number);
    floats[at + BASE + i] = Math.max(0, level) * left;
  }
}

/** Marks the evidence of a tick that just opened: nothing unusual yet. */
export function startEvidence(view: RowView, tick: number): void {
  const at = view.at + tickBase(tick);
  const lnE = (view.priors.eta[tick] as number) * LN_E_OF_NOTHING;
  for (let i = 0; i <= FAMILY_COUNT; i++) view.floats[at + LN_E + i] = lnE;
  for (let channel = 0; channel < CHANNEL_COUNT; channel++) view.floats[at + LN_P + channel] = NOT_SCORED;
  // Every tick has requests, and each may have failed: both take part from the first event on, as they do at the close,
  // where the maps of the families together are made. A look at fewer channels would not be comparable with them.
  view.floats[at + LN_P + REQUESTS_CHANNEL] = 0;
  view.floats[at + LN_P + FAILURES_CHANNEL] = 0;
}

/**
 * ln(3 T / 24) a tick length: what it pays on the common scale, T = its mean active ticks a day in the group. Three looks
 * cost a factor of three; a length with more ticks a day has more chances of a false alarm.
 */
export function scaleOffsets(priors: GroupPriors): Float64Array {
  return Float64Array.from(priors.activeTicksPerDay, (active) => Math.log((TICKS.length * active) / 24));
}

/** The tick length that leads, by accumulated plus open evidence on the common scale. */
export function leadingTick(view: RowView): number {
  let best = 0;
  for (let tick = 1; tick < TICKS.length; tick++) {
    if (levelAt(view, tick, 0) > levelAt(view, best, 0)) best = tick;
  }
  return best;
}

/** L in nats: the greatest of the three tick lengths. */
export function risk(view: RowView): number {
  let level = levelAt(view, 0, 0);
  for (let tick = 1; tick < TICKS.length; tick++) level = Math.max(level, levelAt(view, tick, 0));
  return level;
}

/**
 * Evidence held against the identity, in nats, for deciding how much it may teach its baseline: the greatest of the three
 * tick lengths, without the offsets that put them on the scale of decisions. `withOpen` = the open ticks included.
 */
export function heldEvidence(view: RowView, withOpen: boolean): number {
  let held = 0;
  for (let tick = 0; tick < TICKS.length; tick++) {
    const at = view.at + tickBase(tick);
    const open = withOpen ? (view.floats[at + LN_E] as number) : 0;
    held = Math.max(held, (view.floats[at + BASE] as number) + open);
  }
  return held;
}

/** L_f in nats of a family. */
export function familyRisk(view: RowView, family: number): number {
  let level = levelAt(view, 0, family + 1);
  for (let tick = 1; tick < TICKS.length; tick++) level = Math.max(level, levelAt(view, tick, family + 1));
  return level;
}

function levelAt(view: RowView, tick: number, which: number): number {
  const at = view.at + tickBase(tick);
  const { floats } = view;
  return (floats[at + BASE + which] as number) + (floats[at + LN_E + which] as number) - (view.offsets[tick] as number);
}

if (BASE_FAMILY !== BASE + 1 || LN_E_FAMILY !== LN_E + 1)
  throw new Error('family evidence must stand behind the whole');
