import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decay } from '../../../detector/estimators/decay.ts';
import { assertClose } from '../assert-close.ts';

const HOUR = 3_600_000;

test('a half-life halves, two of them quarter', () => {
  assertClose(decay(72 * HOUR, 72 * HOUR), 0.5, 1e-15, 0, 1);
  assertClose(decay(144 * HOUR, 72 * HOUR), 0.25, 1e-15, 0, 2);
});

test('decay over two stretches is decay over their sum, and never grows', () => {
  const time = fc.double({ min: 0, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(time, time, (a, b) => {
      assertClose(decay(a, 72 * HOUR) * decay(b, 72 * HOUR), decay(a + b, 72 * HOUR), 1e-13, 0, [a, b]);
      assert.ok(decay(a, 72 * HOUR) <= 1);
    }),
  );
});

test('time that stands still or runs backwards takes nothing away', () => {
  assert.equal(decay(0, HOUR), 1);
  assert.equal(decay(-5, HOUR), 1);
  assert.equal(decay(Number.NaN, HOUR), 1);
});
