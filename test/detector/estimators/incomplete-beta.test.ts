import assert from 'node:assert/strict';
import { test } from 'node:test';
import betainc from '@stdlib/math-base-special-betainc';
import fc from 'fast-check';
import { lnIncompleteBeta } from '../../../detector/estimators/incomplete-beta.ts';
import { assertClose } from '../assert-close.ts';
import { readVectors } from '../read-vectors.ts';

const shape = fc.double({ min: -6.9, max: 13.8, noNaN: true }).map((ln) => Math.exp(ln));
const unit = fc.double({ min: 0, max: 1, noNaN: true });

test('ln I agrees with 60-digit values to 1e-12 down to -690, and p itself to 3e-15 where p is near 1', () => {
  const points = readVectors<[number | null, number | null, number, number, number]>('incomplete-beta');
  assert.ok(points.length > 200);
  for (const [x, y, a, b, expected] of points) {
    const actual = y === null ? lnIncompleteBeta(x ?? 0, a, b) : lnIncompleteBeta(1 - y, a, b, y);
    assertClose(actual, expected, 1e-12, Math.abs(expected) < 1e-3 ? 3e-15 : 0, [x, y, a, b]);
  }
});

test('I agrees with the library for incomplete beta functions in the central region', () => {
  const central = fc.double({ min: 0.05, max: 200, noNaN: true });
  fc.assert(
    fc.property(unit, central, central, (x, a, b) => {
      const oracle = betainc(x, a, b);
      fc.pre(oracle > 1e-12);
      assertClose(Math.exp(lnIncompleteBeta(x, a, b)), oracle, 1e-12, 1e-15, [x, a, b]);
    }),
    { numRuns: 2000 },
  );
});

test('I rises with x and with b, and falls with a', () => {
  fc.assert(
    fc.property(unit, unit, shape, shape, (u, v, a, b) => {
      const [low, high] = u < v ? [u, v] : [v, u];
      const at = lnIncompleteBeta(low, a, b);
      // Rounding of 1e-12 at most: see the accuracy test.
      const slack = 2e-12 * Math.abs(at) + 1e-14;
      assert.ok(at <= 0);
      // Below the smallest normal number x itself has lost its digits.
      if (low < 1e-300) return;
      assert.ok(lnIncompleteBeta(high, a, b) >= at - slack);
      assert.ok(lnIncompleteBeta(low, a, b * 1.5) >= at - slack);
      assert.ok(lnIncompleteBeta(low, a * 1.5, b) <= at + slack);
    }),
    { numRuns: 2000 },
  );
});

test('the ends are exact and wrong shapes give NaN', () => {
  assert.equal(lnIncompleteBeta(0, 2, 3), -Infinity);
  assert.equal(lnIncompleteBeta(1, 2, 3), 0);
  assert.ok(Number.isNaN(lnIncompleteBeta(0.5, 0, 3)));
  assert.ok(Number.isNaN(lnIncompleteBeta(0.5, 2, Number.NaN)));
});

test('extreme shapes end and stay proper', () => {
  for (const a of [1e-6, 1, 1e6, 1e12]) {
    for (const b of [1e-6, 1, 1e6, 1e8]) {
      for (const x of [1e-300, 1e-9, 0.3, 0.999999999]) {
        const lnI = lnIncompleteBeta(x, a, b);
        assert.ok(lnI <= 0, `${lnI} at ${[x, a, b]}`);
      }
    }
  }
  // At the mean of a symmetric law I is 1/2, at any size.
  assertClose(lnIncompleteBeta(0.5, 1e8, 1e8), -Math.LN2, 1e-12, 0, '1e8');
});
