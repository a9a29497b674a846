import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lnUpperTail, upperPoint } from '../../../detector/estimators/beta-binomial.ts';
import {
  closeRatio,
  initRatio,
  predictRatio,
  RATIO_KEEP,
  RATIO_STATE_FLOATS,
  type RatioPredictive,
} from '../../../detector/estimators/ratios.ts';
import { assertClose } from '../assert-close.ts';

const PRIOR = { mean: 0.02, strength: 30, tickStrength: 40 };
const PLAIN = { mean: 0.02, strength: 30, tickStrength: Number.POSITIVE_INFINITY };
const law: RatioPredictive = { alpha: 0, beta: 0 };

function fresh(prior = PRIOR): Float32Array {
  const state = new Float32Array(RATIO_STATE_FLOATS);
  initRatio(state, 0, prior);
  return state;
}

function predict(state: Float32Array, prior = PRIOR): RatioPredictive {
  predictRatio(state, 0, prior, law);
  return law;
}

test('the state begins as the prior, with its strength capped at 50', () => {
  const state = fresh({ mean: 0.1, strength: 1e6, tickStrength: 50 });
  assertClose(state[0] as number, 5, 1e-6, 0, 'alpha');
  assertClose(state[1] as number, 45, 1e-6, 0, 'beta');
});

test('with an infinite tick strength it is the plain Beta-Binomial: alpha + k, beta + n - k', () => {
  const state = fresh(PLAIN);
  assert.deepEqual({ ...predict(state, PLAIN) }, { alpha: state[0], beta: state[1] });
  closeRatio(state, 0, PLAIN, 1, 20, 0, 1);
  assertClose(state[0] as number, 0.6 + 1, 1e-6, 0, 'alpha');
  assertClose(state[1] as number, 29.4 + 19, 1e-6, 0, 'beta');
});

test("the predictive law has the variance of a tick's share", () => {
  const state = fresh();
  const { alpha, beta } = predict(state);
  const a = state[0] as number;
  const b = state[1] as number;
  const A = a + b;
  const m = a / A;
  // Law of total variance: Var(m) + E[m (1 - m)]/(T + 1), for m ~ Beta(a, b).
  const variance = (m * (1 - m)) / (A + 1);
  const expected = variance + (m * (1 - m) - variance) / (PRIOR.tickStrength + 1);
  assertClose(alpha / (alpha + beta), m, 1e-12, 0, 'mean');
  assertClose((m * (1 - m)) / (alpha + beta + 1), expected, 1e-12, 0, 'variance');
});

test('a busy identity stays a Beta-Binomial of bounded strength', () => {
  const state = fresh();
  for (let i = 0; i < 500; i++) closeRatio(state, 0, PRIOR, 200, 10_000, 0, RATIO_KEEP);
  const { alpha, beta } = predict(state);
  assert.ok(alpha + beta < PRIOR.tickStrength);
  assertClose(alpha / (alpha + beta), 0.02, 1e-2, 0, 'share');
  // 67 ticks of memory, each worth at most T + 1 requests.
  assert.ok((state[0] as number) + (state[1] as number) < 68 * 41 + 50);
});

test('a share is learned, from both sides', () => {
  for (const share of [0, 0.02, 0.3]) {
    const state = fresh();
    for (let i = 0; i < 600; i++) closeRatio(state, 0, PRIOR, 100 * share, 100, 0, RATIO_KEEP);
    const { alpha, beta } = predict(state);
    assertClose(alpha / (alpha + beta), share, 0, 0.01, share);
  }
});

test('a tick teaches at most its predictive 99.9 % point', () => {
  fc.assert(
    fc.property(fc.integer({ min: 8, max: 5000 }), fc.double({ min: 0, max: 1, noNaN: true }), (n, part) => {
      const state = fresh();
      for (let i = 0; i < 20; i++) closeRatio(state, 0, PRIOR, i % 3, 60, 0, RATIO_KEEP);
      const { alpha, beta } = predict(state);
      const cap = upperPoint(n, alpha, beta, Math.log(1e-3));
      const k = Math.round(n * part);
      const taught = Float32Array.from(state);
      closeRatio(taught, 0, PRIOR, k, n, 0, RATIO_KEEP);
      const expected = Float32Array.from(state);
      closeRatio(expected, 0, PRIOR, Math.min(k, cap), n, 0, RATIO_KEEP);
      assert.deepEqual(taught, expected);
      assert.ok(lnUpperTail(cap + 1, n, alpha, beta) <= Math.log(1e-3));
    }),
  );
});

test('evidence against an identity slows what it can teach', () => {
  const trusted = fresh();
  const suspected = fresh();
  closeRatio(trusted, 0, PRIOR, 3, 20, 0, RATIO_KEEP);
  closeRatio(suspected, 0, PRIOR, 3, 20, 40, RATIO_KEEP);
  const share = (state: Float32Array) => (state[0] as number) / ((state[0] as number) + (state[1] as number));
  assert.ok(share(suspected) - PRIOR.mean < (share(trusted) - PRIOR.mean) / 10);
});

test('the state stays positive and finite whatever is thrown at it', () => {
  const hostile = fc.oneof(
    fc.double(),
    fc.integer({ min: 0, max: 2000 }),
    fc.constantFrom(0, -1, 1e308, Number.POSITIVE_INFINITY, -Infinity, Number.NaN, 5e-324, 2 ** 53),
  );
  const prior = fc.record({
    mean: fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1)),
    strength: fc.double({ min: 0, max: 1e9, noNaN: true }),
    tickStrength: fc.oneof(fc.double({ min: 0.5, max: 1e4, noNaN: true }), fc.constant(Number.POSITIVE_INFINITY)),
  });
  fc.assert(
    fc.property(prior, fc.array(fc.tuple(hostile, hostile, hostile), { maxLength: 25 }), (group, ticks) => {
      const state = fresh(group);
      for (const [k, n, risk] of ticks) {
        closeRatio(state, 0, group, k, n, risk, RATIO_KEEP);
        for (const value of state) assert.ok(value > 0 && Number.isFinite(value), String(state));
        const { alpha, beta } = predict(state, group);
        assert.ok(alpha > 0 && beta > 0 && Number.isFinite(alpha) && Number.isFinite(beta));
      }
    }),
    { numRuns: 200 },
  );
});
