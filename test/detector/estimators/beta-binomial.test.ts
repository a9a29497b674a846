import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lnPmf, lnUpperTail, upperPoint } from '../../../detector/estimators/beta-binomial.ts';
import { LN_P_MIN } from '../../../detector/estimators/log-space.ts';
import { assertClose } from '../assert-close.ts';
import { readVectors } from '../read-vectors.ts';

const trials = fc.integer({ min: 1, max: 3000 });
const share = fc.double({ min: 0, max: 1, noNaN: true });
const parameter = fc.double({ min: -5, max: 4, noNaN: true }).map((ln) => Math.exp(ln));

type Point = [k: number, n: number, alpha: number, beta: number, lnTail: number, lnPmf: number];

test('tails and masses agree with full sums of 60 digits: to 1e-12 when summed, to 1e-5 when integrated', () => {
  let integrated = 0;
  for (const [k, n, alpha, beta, tail, mass] of readVectors<Point>('beta-binomial')) {
    assertClose(lnPmf(k, n, alpha, beta), mass, 1e-13, 1e-13, [k, n, alpha, beta]);
    if (n <= 1024) {
      assertClose(lnUpperTail(k, n, alpha, beta), tail, 1e-12, 0, [k, n, alpha, beta]);
    } else {
      integrated += 1;
      assertClose(lnUpperTail(k, n, alpha, beta), tail, 0, 1e-5, [k, n, alpha, beta]);
    }
  }
  assert.ok(integrated > 40);
});

test('a flat prior makes every count equally likely', () => {
  for (const n of [1, 7, 100, 1000, 1e6]) {
    for (const part of [0.1, 0.5, 0.9, 1]) {
      const k = Math.ceil(n * part);
      assertClose(lnUpperTail(k, n, 1, 1), Math.log((n - k + 1) / (n + 1)), 1e-9, 1e-12, [k, n]);
    }
  }
});

test('a tail never rises with k, never passes 1, and neighbours differ by the mass between them', () => {
  fc.assert(
    fc.property(trials, share, parameter, parameter, (n, part, alpha, beta) => {
      const k = Math.min(n, 1 + Math.floor(part * n));
      const here = lnUpperTail(k, n, alpha, beta);
      assert.ok(here <= 0 && here >= LN_P_MIN);
      const next = lnUpperTail(k + 1, n, alpha, beta);
      assert.ok(next <= here + 1e-9);
      fc.pre(next > LN_P_MIN + 1);
      // Where an integral replaced terms the two errors, 1e-5 at most, need not cancel.
      const slack = n <= 1024 ? 1e-10 : 2e-5;
      assertClose(Math.exp(lnPmf(k, n, alpha, beta) - here), -Math.expm1(next - here), 0, slack, [k, n, alpha, beta]);
    }),
    { numRuns: 1000 },
  );
});

test('successes and failures are treated alike: P(K >= k) + P(n - K >= n - k + 1) = 1', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), share, parameter, parameter, (n, part, alpha, beta) => {
      const k = Math.min(n, 1 + Math.floor(part * n));
      const above = Math.exp(lnUpperTail(k, n, alpha, beta));
      const below = Math.exp(lnUpperTail(n - k + 1, n, beta, alpha));
      assertClose(above + below, 1, 0, 1e-12, [k, n, alpha, beta]);
    }),
  );
});

test('the predictive point is the smallest count whose excess is no likelier than asked', () => {
  fc.assert(
    fc.property(
      trials,
      parameter,
      parameter,
      fc.double({ min: -12, max: -0.1, noNaN: true }),
      (n, alpha, beta, lnP) => {
        const point = upperPoint(n, alpha, beta, lnP);
        assert.ok(point >= 0 && point <= n && Number.isInteger(point));
        assert.ok(lnUpperTail(point + 1, n, alpha, beta) <= lnP);
        if (point > 0) assert.ok(lnUpperTail(point, n, alpha, beta) > lnP);
      },
    ),
  );
});

test('edges: nothing seen has p = 1, more than all has the least p, a broken baseline accuses nobody', () => {
  assert.equal(lnUpperTail(0, 10, 1, 1), 0);
  assert.equal(lnUpperTail(11, 10, 1, 1), LN_P_MIN);
  assert.equal(lnUpperTail(9, 10, 0, 1), 0);
  assert.equal(lnUpperTail(9, 10, 1, Number.NaN), 0);
  assert.equal(lnPmf(11, 10, 1, 1), -Infinity);
});

test('a huge number of trials is bounded work', () => {
  // Would take hours if terms were not bounded; the value is that of the Beta integral, Beta(0.5, 49.5) above 0.2.
  const lnP = lnUpperTail(2e11, 1e12, 0.5, 49.5);
  assert.ok(lnP < -11 && lnP > -14, String(lnP));
});
