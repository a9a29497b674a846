import type { CountPrior } from '../../schemas/priors.ts';
import { calibrate } from '../calibrate.ts';
import { type CountPredictive, closeCounts, initCounts, predictCounts } from '../estimators/counts.ts';
import { lnUpperTailActive } from '../estimators/negative-binomial.ts';
import { randomisedLnP } from '../estimators/randomised-p.ts';
import { countState, KEEP, LN_P, OBJECTS_LOOK, REQUESTS_LOOK, tickBase } from '../layout.ts';
import type { RowView, TailMaps } from '../row-view.ts';

/** After a look at count x the next is at x + x/16: one in sixteen more, so that a burst costs logarithmically many looks. */
const LOOK_SHIFT = 4;

/** Numbers in CHANNELS. */
const CHANNEL = { requests: 0, objects: 2 } as const;

/** No seasonal factor yet: groups have not learned one. */
const SEASON = 1;

const prediction: CountPredictive = { mu: 0, r: 0 };

/**
 * Request volume and distinct objects: a hurdle negative binomial per tick length, given that the tick is active.
 *
 * Early scoring is free: the count so far is at most the final one, so its tail probability is never smaller than the
 * final one. What it misses: an identity that stays below its own habits; silence; load spread over many identities.
 */
export interface CountDetector {
  /** Scores the open tick at count x, if it is time for a look. True when the calibrated p fell. */
  look(view: RowView, maps: TailMaps, tick: number, x: number): boolean;
  /** Scores the closing tick. */
  final(view: RowView, maps: TailMaps, tick: number, x: number): void;
  /** Raw randomised ln p of the closing tick, for tail maps. */
  sample(view: RowView, tick: number, x: number, u: number): number;
  /** Learns the closed tick; `risk` is the evidence held against the identity, nats. */
  learn(view: RowView, tick: number, x: number, risk: number): void;
  /** Mean that the baseline expects of an active tick. */
  expected(view: RowView, tick: number): number;
  start(view: RowView, tick: number): void;
}

export function createCountDetector(channel: 'requests' | 'objects'): CountDetector {
  const number = CHANNEL[channel];
  const lookAt = channel === 'requests' ? REQUESTS_LOOK : OBJECTS_LOOK;
  const priorOf = (view: RowView, tick: number) => view.priors[channel][tick] as CountPrior;
  const stateAt = (view: RowView, tick: number) => view.at + countState(channel, tick);

  function score(view: RowView, maps: TailMaps, tick: number, x: number): boolean {
    const lnP = lnUpperTailActive(x, prediction.mu, prediction.r);
    const calibrated = calibrate((maps.channels[number] as TailMaps['total'])[tick] as Float64Array, lnP);
    const at = view.at + tickBase(tick) + LN_P + number;
    if (calibrated >= (view.floats[at] as number)) return false;
    view.floats[at] = calibrated;
    return true;
  }

  return {
    look(view, maps, tick, x) {
      const next = view.at + tickBase(tick) + lookAt;
      if (x < (view.words[next] as number)) return false;
      predictCounts(view.floats, stateAt(view, tick), priorOf(view, tick), SEASON, prediction);
      if (x <= prediction.mu) {
        // Below the mean there is nothing to find: come back above it.
        view.words[next] = Math.ceil(prediction.mu) + 1;
        return false;
      }
      view.words[next] = x + Math.max(1, x >>> LOOK_SHIFT);
      return score(view, maps, tick, x);
    },
    final(view, maps, tick, x) {
      predictCounts(view.floats, stateAt(view, tick), priorOf(view, tick), SEASON, prediction);
      score(view, maps, tick, x);
    },
    sample(view, tick, x, u) {
      predictCounts(view.floats, stateAt(view, tick), priorOf(view, tick), SEASON, prediction);
      const { mu, r } = prediction;
      return randomisedLnP(lnUpperTailActive(x, mu, r), lnUpperTailActive(x + 1, mu, r), u);
    },
    learn(view, tick, x, risk) {
      closeCounts(view.floats, stateAt(view, tick), priorOf(view, tick), SEASON, x, risk, KEEP[tick] as number);
    },
    expected(view, tick) {
      predictCounts(view.floats, stateAt(view, tick), priorOf(view, tick), SEASON, prediction);
      return prediction.mu;
    },
    start(view, tick) {
      initCounts(view.floats, stateAt(view, tick), priorOf(view, tick));
    },
  };
}
