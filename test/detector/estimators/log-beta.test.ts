import assert from 'node:assert/strict';
import { test } from 'node:test';
import gammaln from '@stdlib/math-base-special-gammaln';
import { lchoose, lnBeta, lnGammaRatio } from '../../../detector/estimators/log-beta.ts';
import { stirlingError } from '../../../detector/estimators/stirling-error.ts';
import { assertClose } from '../assert-close.ts';
import { readVectors } from '../read-vectors.ts';

test('ln Gamma of the library agrees with 60-digit values to 4e-15', () => {
  for (const [z, expected] of readVectors<[number, number, number]>('gamma')) {
    // Its largest error lies just above 1.19, where a polynomial is used outside its interval.
    assertClose(gammaln(z), expected, 1e-15, 4e-15, z);
  }
});

test("the error of Stirling's formula agrees with 60-digit values to 4e-15, from 1e-3 to 1e12", () => {
  for (const [z, , expected] of readVectors<[number, number, number]>('gamma')) {
    assertClose(stirlingError(z), expected, 2e-15, 4e-15, z);
  }
});

test('a ratio of Gamma functions keeps its digits where the two are huge', () => {
  for (const [z, w, expected] of readVectors<[number, number, number]>('gamma-ratio')) {
    assertClose(lnGammaRatio(z, w), expected, 2e-15, 4e-15, [z, w]);
  }
});

test('ln B(a, b) agrees with 60-digit values to 1e-15 and is symmetric to the last bit', () => {
  for (const [a, b, expected] of readVectors<[number, number, number]>('beta')) {
    assertClose(lnBeta(a, b), expected, 1e-15, 4e-15, [a, b]);
    assert.equal(lnBeta(a, b), lnBeta(b, a));
  }
});

test('binomial coefficients agree with whole-number arithmetic and follow the edges', () => {
  for (let n = 1; n <= 60; n++) {
    let exact = 1n;
    for (let k = 0; k <= n; k++) {
      assertClose(lchoose(n, k), Math.log(Number(exact)), 1e-14, 1e-14, [n, k]);
      exact = (exact * BigInt(n - k)) / BigInt(k + 1);
    }
  }
  assert.equal(lchoose(10, -1), -Infinity);
  assert.equal(lchoose(10, 11), -Infinity);
});
