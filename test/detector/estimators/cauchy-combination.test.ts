import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cauchyLnP, cauchyTerm } from '../../../detector/estimators/cauchy-combination.ts';
import { LN_P_MIN } from '../../../detector/estimators/log-space.ts';
import { assertClose } from '../assert-close.ts';
import { readVectors } from '../read-vectors.ts';

const lnP = fc.double({ min: LN_P_MIN, max: 0, noNaN: true });
const several = fc.array(lnP, { minLength: 1, maxLength: 9 });

function combine(lnPs: readonly number[]): number {
  let sum = 0;
  for (const value of lnPs) sum += cauchyTerm(value);
  return cauchyLnP(sum, lnPs.length);
}

test('combinations agree with 700-digit values to 1e-14, from p = 0.99 to ln p = -690', () => {
  for (const [lnPs, expected] of readVectors<[number[], number]>('cauchy')) {
    assertClose(combine(lnPs), expected, 1e-14, 1e-15, lnPs);
  }
});

test('a single p comes back as it was', () => {
  fc.assert(
    fc.property(lnP, (value) => {
      assertClose(combine([value]), Math.min(value, Math.log(0.99)), 1e-13, 1e-15, value);
    }),
  );
});

test('the order of the inputs does not matter', () => {
  fc.assert(
    fc.property(several, (lnPs) => {
      assertClose(combine(lnPs.toReversed()), combine(lnPs), 1e-12, 1e-14, lnPs);
    }),
  );
});

test('a smaller input never makes the combination larger', () => {
  fc.assert(
    fc.property(several, lnP, (lnPs, other) => {
      const [first = 0, ...rest] = lnPs;
      const low = combine([Math.min(first, other), ...rest]);
      const high = combine([Math.max(first, other), ...rest]);
      assert.ok(low <= high + 1e-12 * Math.abs(high));
    }),
    { numRuns: 1000 },
  );
});

test('in the far tail K inputs can gain or lose at most a factor K over the best one', () => {
  fc.assert(
    fc.property(several, (lnPs) => {
      const best = Math.min(...lnPs);
      fc.pre(best < -30);
      const combined = combine(lnPs);
      assert.ok(combined >= best - 1e-9);
      assert.ok(combined <= best + Math.log(lnPs.length) + 1e-6);
    }),
  );
});

test('independent uniform inputs give a uniform combination in the tail', () => {
  // A fixed generator (mulberry32), so that the outcome is the same each time; 400,000 combinations of 4.
  let state = 7;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const draws = 400_000;
  let below = 0;
  for (let i = 0; i < draws; i++) {
    let sum = 0;
    for (let j = 0; j < 4; j++) sum += cauchyTerm(Math.log(uniform() + 1e-12));
    if (cauchyLnP(sum, 4) <= Math.log(1e-3)) below += 1;
  }
  // 400 expected, standard deviation 20.
  assert.ok(below > 320 && below < 480, String(below));
});

test('hostile values stay within bounds', () => {
  assert.equal(cauchyTerm(Number.NaN), cauchyTerm(0));
  assert.equal(cauchyTerm(-Infinity), cauchyTerm(LN_P_MIN));
  assert.ok(Number.isFinite(1e9 * cauchyTerm(-1e6)));
  assert.equal(cauchyLnP(0, 0), 0);
  assert.equal(cauchyLnP(Number.POSITIVE_INFINITY, 3), LN_P_MIN);
  assert.equal(cauchyLnP(Number.NaN, 3), 0);
});
