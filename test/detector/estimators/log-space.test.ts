import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clampLnP, LN_P_MIN, log1mexp } from '../../../detector/estimators/log-space.ts';
import { assertClose } from '../assert-close.ts';

test('log1mexp keeps its digits on both sides: near 0, at ln 2 and far below', () => {
  // Expected values: mpmath, log(1 - exp(y)) at 400 digits.
  for (const [y, expected] of [
    [-1e-15, -34.538776394910684],
    [-1e-3, -6.908255237315471],
    [-Math.LN2, -Math.LN2],
    [-3, -0.05106918094270159],
    [-40, -4.248354255291589e-18],
    [-700, -9.85967654375977e-305],
  ] as const) {
    assertClose(log1mexp(y), expected, 1e-15, 0, y);
  }
  assert.equal(log1mexp(0), -Infinity);
});

test('a clamped ln p lies within [LN_P_MIN, 0], and a value that is not a number claims nothing', () => {
  assert.equal(clampLnP(-1e9), LN_P_MIN);
  assert.equal(clampLnP(-Infinity), LN_P_MIN);
  assert.equal(clampLnP(1e-17), 0);
  assert.equal(clampLnP(Number.NaN), 0);
  assert.equal(clampLnP(-3.5), -3.5);
});

test('1/p stays finite at the smallest ln p', () => {
  assert.ok(Number.isFinite(Math.exp(-LN_P_MIN)));
  assert.ok(Math.exp(LN_P_MIN) > 2.2250738585072014e-308);
});
