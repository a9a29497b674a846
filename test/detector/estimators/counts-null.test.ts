import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  COUNT_KEEP,
  COUNT_STATE_FLOATS,
  type CountPredictive,
  closeCounts,
  initCounts,
  predictCounts,
} from '../../../detector/estimators/counts.ts';
import { lnUpperTailActive } from '../../../detector/estimators/negative-binomial.ts';
import { randomisedLnP } from '../../../detector/estimators/randomised-p.ts';

/** mulberry32: a small fixed generator, so that the simulation is the same each time. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 4294967296;
  };
}

function normal(uniform: () => number): number {
  return Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** Gamma of the given shape and mean 1: Marsaglia and Tsang 2000. */
function gamma(uniform: () => number, shape: number): number {
  if (shape < 1) return (gamma(uniform, shape + 1) * (shape + 1) * Math.exp(Math.log(uniform()) / shape)) / shape;
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(uniform);
    const v = 1 + c * x;
    if (v <= 0) continue;
    const cube = v * v * v;
    if (Math.log(uniform()) < 0.5 * x * x + d - d * cube + d * Math.log(cube)) return (d * cube) / shape;
  }
}

/** Poisson: by inversion below 30, by rounding a normal above, where the difference does not matter here. */
function poisson(uniform: () => number, mean: number): number {
  if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(uniform)));
  let count = 0;
  for (let product = uniform(), end = Math.exp(-mean); product > end; product *= uniform()) count += 1;
  return count;
}

interface Shares {
  ticks: number;
  decision: { hundredth: number; thousandth: number };
  randomised: { hundredth: number; thousandth: number };
}

/** Benign identities: own rate, own burstiness, counts independent from tick to tick. Shares of ticks with p below nominal. */
function simulate(seed: number, identities: number, ticks: number, warmUp: number): Shares {
  const uniform = generator(seed);
  const prior = { a: 0.6, b: 0.6 / 15, c: 0.67 };
  const state = new Float32Array(COUNT_STATE_FLOATS);
  const law: CountPredictive = { mu: 0, r: 0 };
  const seen: Shares = {
    ticks: 0,
    decision: { hundredth: 0, thousandth: 0 },
    randomised: { hundredth: 0, thousandth: 0 },
  };
  for (let i = 0; i < identities; i++) {
    const rate = 15 * gamma(uniform, prior.a);
    const size = 1.5 * Math.exp(0.6 * normal(uniform));
    initCounts(state, 0, prior);
    for (let t = 0; t < ticks; t++) {
      const x = poisson(uniform, rate * gamma(uniform, size));
      if (x === 0) continue;
      if (t >= warmUp) {
        predictCounts(state, 0, prior, 1, law);
        const lnP = lnUpperTailActive(x, law.mu, law.r);
        const smoothed = randomisedLnP(lnP, lnUpperTailActive(x + 1, law.mu, law.r), uniform());
        seen.ticks += 1;
        if (lnP <= Math.log(1e-2)) seen.decision.hundredth += 1;
        if (lnP <= Math.log(1e-3)) seen.decision.thousandth += 1;
        if (smoothed <= Math.log(1e-2)) seen.randomised.hundredth += 1;
        if (smoothed <= Math.log(1e-3)) seen.randomised.thousandth += 1;
      }
      closeCounts(state, 0, prior, 1, x, 0, COUNT_KEEP);
    }
  }
  return seen;
}

test('benign bursty traffic passes nominal 1e-2 and 1e-3 about as often as it should', () => {
  // Rates Gamma(0.6, mean 15), sizes lognormal around 1.5: over-dispersed, as counts of requests are. Under a plain
  // Gamma-Poisson model the same traffic passes 1e-4 in several per cent of ticks.
  const { ticks, decision, randomised } = simulate(11, 400, 700, 150);
  const share = (count: number) => count / ticks;
  const seen = JSON.stringify({ ticks, decision, randomised });
  assert.ok(ticks > 100_000, seen);
  assert.ok(share(decision.hundredth) > 0.4e-2 && share(decision.hundredth) < 1.4e-2, seen);
  assert.ok(share(decision.thousandth) > 0.3e-3 && share(decision.thousandth) < 2.5e-3, seen);
  assert.ok(share(randomised.hundredth) > 0.5e-2 && share(randomised.hundredth) < 1.5e-2, seen);
  assert.ok(share(randomised.thousandth) > 0.3e-3 && share(randomised.thousandth) < 2.5e-3, seen);
  // Conservative: the decision's p is never smaller than the smoothed one.
  assert.ok(decision.hundredth <= randomised.hundredth && decision.thousandth <= randomised.thousandth, seen);
});
