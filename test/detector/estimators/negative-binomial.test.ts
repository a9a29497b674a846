import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LN_P_MIN } from '../../../detector/estimators/log-space.ts';
import { lnPmf, lnPmfActive, lnUpperTail, lnUpperTailActive } from '../../../detector/estimators/negative-binomial.ts';
import { randomisedLnP } from '../../../detector/estimators/randomised-p.ts';
import { assertClose } from '../assert-close.ts';
import { readVectors } from '../read-vectors.ts';

const count = fc.integer({ min: 1, max: 3000 });
const mean = fc.double({ min: -7, max: 9, noNaN: true }).map((ln) => Math.exp(ln));
const size = fc.double({ min: -5, max: 12, noNaN: true }).map((ln) => Math.exp(ln));

test('tails, tails of active ticks and masses agree with sums of 60 digits to 2e-13', () => {
  const points = readVectors<[number, number, number, number, number, number]>('negative-binomial');
  for (const [x, mu, r, tail, active, pmf] of points) {
    assertClose(lnUpperTail(x, mu, r), tail, 2e-13, 3e-15, [x, mu, r]);
    // Near p = 1 the tail of an active tick is a difference of two logarithms: p is exact to 1e-14.
    assertClose(lnUpperTailActive(x, mu, r), active, 2e-13, 1e-14, [x, mu, r]);
    assertClose(lnPmf(x, mu, r), pmf, 4e-15, 4e-15, [x, mu, r]);
  }
});

test('at size 1 the law is geometric: P(X >= x) = (mu/(mu + 1))^x', () => {
  for (const mu of [0.01, 1, 30, 1e4]) {
    for (const x of [1, 2, 10, 500]) {
      const expected = Math.max(LN_P_MIN, -x * Math.log1p(1 / mu));
      assertClose(lnUpperTail(x, mu, 1), expected, 1e-13, 1e-15, [x, mu]);
    }
  }
});

test('a tail never rises with x and never passes 1', () => {
  fc.assert(
    fc.property(count, mean, size, (x, mu, r) => {
      const here = lnUpperTail(x, mu, r);
      const next = lnUpperTail(x + 1, mu, r);
      assert.ok(here <= 0 && here >= LN_P_MIN);
      assert.ok(next <= here + 1e-14);
      const hereActive = lnUpperTailActive(x, mu, r);
      assert.ok(hereActive <= 0 && hereActive >= here - 1e-14);
      assert.ok(lnUpperTailActive(x + 1, mu, r) <= hereActive + 1e-14);
    }),
    { numRuns: 1000 },
  );
});

test('two neighbouring tails differ by the mass between them', () => {
  fc.assert(
    fc.property(count, mean, size, (x, mu, r) => {
      const here = lnUpperTail(x, mu, r);
      const next = lnUpperTail(x + 1, mu, r);
      fc.pre(next > LN_P_MIN + 1);
      // Both sides relative to SF(x), so that it holds in the far tail too.
      assertClose(Math.exp(lnPmf(x, mu, r) - here), -Math.expm1(next - here), 0, 1e-10, [x, mu, r]);
      const active = lnUpperTailActive(x, mu, r);
      const nextActive = lnUpperTailActive(x + 1, mu, r);
      fc.pre(nextActive > LN_P_MIN + 1);
      assertClose(Math.exp(lnPmfActive(x, mu, r) - active), -Math.expm1(nextActive - active), 0, 1e-10, [x, mu, r]);
    }),
    { numRuns: 1000 },
  );
});

test('masses of a law sum to 1', () => {
  for (const [mu, r] of [
    [0.3, 0.2],
    [4, 2],
    [25, 1e4],
  ] as const) {
    let sum = 0;
    for (let x = 0; x < 2000; x++) sum += Math.exp(lnPmf(x, mu, r));
    assertClose(sum, 1, 0, 1e-12, [mu, r]);
  }
});

test('counts that cannot surprise have p = 1', () => {
  assert.equal(lnUpperTail(0, 3, 2), 0);
  assert.equal(lnUpperTail(-4, 3, 2), 0);
  assert.equal(lnUpperTailActive(1, 3, 2), 0);
  assert.equal(lnUpperTailActive(0, 3, 2), 0);
  assertClose(lnUpperTail(1, 3, 2), Math.log1p(-((2 / 5) * (2 / 5))), 1e-14, 0, 'P(X >= 1)');
  assert.equal(lnPmf(1.5, 3, 2), -Infinity);
});

test('a broken baseline accuses nobody', () => {
  for (const bad of [0, -1, Number.NaN]) {
    assert.equal(lnUpperTail(1e9, bad, 2), 0);
    assert.equal(lnUpperTailActive(1e9, 2, bad), 0);
  }
  assert.equal(lnUpperTail(Number.NaN, 2, 2), 0);
});

test('a randomised p lies between the two tails, and falls as u does', () => {
  const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(count, mean, size, share, share, (x, mu, r, u, v) => {
      const here = lnUpperTailActive(x, mu, r);
      const next = lnUpperTailActive(x + 1, mu, r);
      const p = randomisedLnP(here, next, Math.max(u, v));
      assert.ok(p <= here + 1e-13 && p >= next - 1e-13);
      assert.ok(randomisedLnP(here, next, Math.min(u, v)) <= p);
    }),
    { numRuns: 1000 },
  );
  assert.equal(randomisedLnP(-2, -5, 0), -5);
});
