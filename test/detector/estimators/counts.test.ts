import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  COUNT_KEEP,
  COUNT_STATE_FLOATS,
  type CountPredictive,
  closeCounts,
  initCounts,
  predictCounts,
} from '../../../detector/estimators/counts.ts';
import { assertClose } from '../assert-close.ts';

const PRIOR = { a: 0.6, b: 0.04, c: 0.7 };
const law: CountPredictive = { mu: 0, r: 0 };

function predict(state: Float32Array, season = 1, prior = PRIOR): CountPredictive {
  predictCounts(state, 0, prior, season, law);
  return law;
}

function fresh(prior = PRIOR): Float32Array {
  const state = new Float32Array(COUNT_STATE_FLOATS);
  initCounts(state, 0, prior);
  return state;
}

test('before the first tick the prediction is that of the group', () => {
  const { mu, r } = predict(fresh(), 2);
  // a/b * season = 30; 1/(0.7 + 1/0.6 + 0.7/0.6) = 0.28302; f32 state.
  assertClose(mu, 30, 1e-6, 0, 'mu');
  assertClose(r, 0.2830188679245283, 1e-6, 0, 'r');
});

test('one close follows the written formulas', () => {
  const state = fresh({ a: 2, b: 0.5, c: 0.5 });
  closeCounts(state, 0, { a: 2, b: 0.5, c: 0.5 }, 1, 6, 0, 0.985);
  // By hand: mu = 4, c = 0.5, k = 1/(1 + 0.5*4) = 1/3; a = 2 + 6/3, b = 0.5 + 1/3.
  assertClose(state[0] as number, 4, 1e-7, 0, 'a');
  assertClose(state[1] as number, 0.5 + 1 / 3, 1e-7, 0, 'b');
  // e = ((6 - 4)^2 - 4)/16 = 0; v = 4/5.
  assertClose(state[2] as number, 0, 0, 1e-7, 'num');
  assertClose(state[3] as number, 0.8, 1e-7, 0, 'den');
});

test('the dispersion estimate enters with its weight, and is bounded below by the prior', () => {
  const prior = { a: 20, b: 2, c: 0.01 };
  const state = fresh(prior);
  closeCounts(state, 0, prior, 1, 10, 0, 0.985);
  // x = mu = 10: e = -10/100; its full weight would give -0.1; floor -0.9*20*0.01 = -0.18.
  assertClose(state[2] as number, -0.1, 1e-6, 0, 'num');
  for (let i = 0; i < 50; i++) closeCounts(state, 0, prior, 1, 10, 0, 0.985);
  assertClose(state[2] as number, -0.18, 1e-6, 0, 'floor');
  assert.ok(predict(state, 1, prior).r > 0);
});

test('the rate and the dispersion of a steady source are learned', () => {
  const state = fresh();
  for (let i = 0; i < 600; i++) closeCounts(state, 0, PRIOR, 1, 40, 0, COUNT_KEEP);
  const { mu, r } = predict(state);
  // The prior pull keeps 1.5 % of 0.6/0.04 = 15 in; 67 ticks of memory.
  assert.ok(mu > 37 && mu <= 40, String(mu));
  assert.ok(r > 5, String(r));
});

test('a surge can raise the mean only by its cap, however large it is', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 200 }),
      fc.double({ min: 0, noNaN: true }),
      fc.double({ min: 0.1, max: 5, noNaN: true }),
      (ticks, x, season) => {
        const state = fresh();
        for (let i = 0; i < ticks; i++) closeCounts(state, 0, PRIOR, 1, 5 + (i % 7), 0, COUNT_KEEP);
        const { mu, r } = predict(state, season);
        const cap = mu + 3 * Math.sqrt(mu + (mu * mu) / r);
        const huge = Float32Array.from(state);
        closeCounts(huge, 0, PRIOR, season, Math.max(x, cap), 0, COUNT_KEEP);
        const atCap = Float32Array.from(state);
        closeCounts(atCap, 0, PRIOR, season, cap, 0, COUNT_KEEP);
        assert.deepEqual(huge, atCap);
        assert.ok(predict(huge, season).mu <= Math.max(cap, (PRIOR.a / PRIOR.b) * season) * 1.000001);
      },
    ),
  );
});

test('evidence against an identity slows what it can teach fifty-fold', () => {
  const trusted = fresh();
  for (let i = 0; i < 100; i++) closeCounts(trusted, 0, PRIOR, 1, 10, 0, COUNT_KEEP);
  const suspected = Float32Array.from(trusted);
  const before = predict(trusted).mu;
  closeCounts(trusted, 0, PRIOR, 1, 200, 0, COUNT_KEEP);
  closeCounts(suspected, 0, PRIOR, 1, 200, 40, COUNT_KEEP);
  const rise = predict(trusted).mu - before;
  assert.ok(predict(suspected).mu - before < rise / 10);
});

test('the state stays positive and finite whatever is thrown at it', () => {
  const hostile = fc.oneof(
    fc.double(),
    fc.constantFrom(0, -1, 1e308, Number.POSITIVE_INFINITY, -Infinity, Number.NaN, 5e-324, 2 ** 53),
  );
  const prior = fc.record({
    a: fc.double({ min: 0.2, max: 5, noNaN: true }),
    b: fc.double({ min: 1e-6, max: 1e3, noNaN: true }),
    c: fc.double({ min: 0, max: 20, noNaN: true }),
  });
  fc.assert(
    fc.property(prior, fc.array(fc.tuple(hostile, hostile, hostile), { maxLength: 60 }), (group, ticks) => {
      const state = fresh(group);
      for (const [x, season, risk] of ticks) {
        closeCounts(state, 0, group, season, x, risk, COUNT_KEEP);
        for (const value of state) assert.ok(Number.isFinite(value), String(state));
        assert.ok((state[0] as number) > 0 && (state[1] as number) > 0 && (state[3] as number) >= 0);
        const { mu, r } = predict(state, season, group);
        assert.ok(mu > 0 && r > 0 && Number.isFinite(mu) && Number.isFinite(r), `${mu} ${r}`);
      }
    }),
    { numRuns: 300 },
  );
});

test('only the state at the offset is touched', () => {
  const slab = new Float32Array(12).fill(7);
  initCounts(slab, 4, PRIOR);
  closeCounts(slab, 4, PRIOR, 1, 9, 0, COUNT_KEEP);
  assert.ok(slab.subarray(0, 4).every((value) => value === 7));
  assert.ok(slab.subarray(8).every((value) => value === 7));
});
