import type { CountPrior } from '../../schemas/priors.ts';
import { calibrate } from '../calibrate.ts';
import { type CountPrediction, closeCount, predictCount } from '../estimators/counts.ts';
import { lnHurdleTail, lnRandomisedHurdleTail } from '../estimators/negative-binomial.ts';
import { countState, LN_P, OBJECTS_LOOK, REQUESTS_LOOK, tickBase } from '../layout.ts';
import type { RowView, TailMaps } from '../row-view.ts';

/** After a look at count x the next is at x + x/16: one in sixteen more, so that a burst costs logarithmically many looks. */
const LOOK_SHIFT = 4;

/** Numbers in CHANNELS. */
const CHANNEL = { requests: 0, objects: 2 } as const;

const prediction: CountPrediction = { mu: 0, r: 0 };

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
  /** Learns the closed tick with weight w in (0, 1]. */
  learn(view: RowView, tick: number, x: number, w: number): void;
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
    const lnP = lnHurdleTail(x, prediction.mu, prediction.r);
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
      predictCount(view.floats, stateAt(view, tick), priorOf(view, tick), prediction);
      if (x <= prediction.mu) {
        // Below the mean there is nothing to find: come back above it.
        view.words[next] = Math.ceil(prediction.mu) + 1;
        return false;
      }
      view.words[next] = x + Math.max(1, x >>> LOOK_SHIFT);
      return score(view, maps, tick, x);
    },
    final(view, maps, tick, x) {
      predictCount(view.floats, stateAt(view, tick), priorOf(view, tick), prediction);
      score(view, maps, tick, x);
    },
    sample(view, tick, x, u) {
      predictCount(view.floats, stateAt(view, tick), priorOf(view, tick), prediction);
      return lnRandomisedHurdleTail(x, prediction.mu, prediction.r, u);
    },
    learn(view, tick, x, w) {
      predictCount(view.floats, stateAt(view, tick), priorOf(view, tick), prediction);
      closeCount(view.floats, stateAt(view, tick), priorOf(view, tick), prediction, x, w);
    },
    expected(view, tick) {
      predictCount(view.floats, stateAt(view, tick), priorOf(view, tick), prediction);
      return prediction.mu;
    },
    start(view, tick) {
      const at = stateAt(view, tick);
      const prior = priorOf(view, tick);
      view.floats[at] = prior.a;
      view.floats[at + 1] = prior.b;
    },
  };
}
