import { calibrate } from '../calibrate.ts';
import { lnUpperTail } from '../estimators/beta-binomial.ts';
import { closeRatio, initRatio, predictRatio, type RatioPredictive } from '../estimators/ratios.ts';
import { AUTH_LOOKS, KEEP, LN_P, ratioState, tickBase } from '../layout.ts';
import type { RowView, TailMaps } from '../row-view.ts';

/** Number in CHANNELS. */
const CHANNEL = 1;
/** The first early look at the share of failures is at this many requests, each further one at twice as many. */
const FIRST_LOOK = 8;

const law: RatioPredictive = { alpha: 0, beta: 0 };

/**
 * Share of requests that fail authentication or authorisation: Beta-Binomial per tick length.
 *
 * Early looks are not free for a ratio (it may fall again): look k, at 8, 16, 32, ... requests, multiplies its p by
 * k (k + 1), whose reciprocals sum to 1; the close is the last look. Failures named with somebody else's identity never
 * get here: ingest makes the network their owner. What it misses: failures spread thinly over many identities.
 */
export function lookAtFailures(view: RowView, maps: TailMaps, tick: number, n: number, k: number): boolean {
  const at = view.at + tickBase(tick);
  const looks = view.words[at + AUTH_LOOKS] as number;
  if (n < FIRST_LOOK << looks) return false;
  view.words[at + AUTH_LOOKS] = looks + 1;
  return score(view, maps, tick, n, k, looks + 1);
}

/** The last look, when the tick closes. */
export function closeLookAtFailures(view: RowView, maps: TailMaps, tick: number, n: number, k: number): void {
  score(view, maps, tick, n, k, (view.words[view.at + tickBase(tick) + AUTH_LOOKS] as number) + 1);
}

/** Raw ln p of the closing tick, looks paid, for tail maps. */
export function sampleFailures(view: RowView, tick: number, n: number, k: number): number {
  return rawLnP(view, tick, n, k, (view.words[view.at + tickBase(tick) + AUTH_LOOKS] as number) + 1);
}

function rawLnP(view: RowView, tick: number, n: number, k: number, look: number): number {
  predictRatio(view.floats, view.at + ratioState(tick), view.priors.authFailures, law);
  if (k * (law.alpha + law.beta) <= n * law.alpha) return 0;
  return Math.min(0, lnUpperTail(k, n, law.alpha, law.beta) + Math.log(look * (look + 1)));
}

function score(view: RowView, maps: TailMaps, tick: number, n: number, k: number, look: number): boolean {
  const lnP = rawLnP(view, tick, n, k, look);
  const calibrated = calibrate((maps.channels[CHANNEL] as TailMaps['total'])[tick] as Float64Array, lnP);
  const at = view.at + tickBase(tick) + LN_P + CHANNEL;
  if (calibrated >= (view.floats[at] as number)) return false;
  view.floats[at] = calibrated;
  return true;
}

/** Learns the closed tick; `risk` is the evidence held against the identity, nats. */
export function learnFailures(view: RowView, tick: number, n: number, k: number, risk: number): void {
  closeRatio(view.floats, view.at + ratioState(tick), view.priors.authFailures, k, n, risk, KEEP[tick] as number);
}

/** Failures that the baseline expects among n requests. */
export function expectedFailures(view: RowView, tick: number, n: number): number {
  const state = view.at + ratioState(tick);
  const alpha = view.floats[state] as number;
  return (n * alpha) / (alpha + (view.floats[state + 1] as number));
}

export function startFailures(view: RowView, tick: number): void {
  initRatio(view.floats, view.at + ratioState(tick), view.priors.authFailures);
}
