import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nextNewExpected, nextNewSeen, pNew, pNewGroup, pRare } from '../../../detector/estimators/pitman-yor.ts';
import { assertClose } from '../assert-close.ts';

const theta = fc.double({ min: 0.01, max: 20, noNaN: true });
const discount = fc.double({ min: 0, max: 0.95, noNaN: true });
const draws = fc.integer({ min: 0, max: 100_000 });
const share = fc.double({ min: 0, max: 1, noNaN: true });
const decayed = fc.double({ min: 0, max: 200, noNaN: true });

test('without discount it is the Chinese restaurant process: theta/(n + theta)', () => {
  assert.equal(pNewGroup(8, 3, 2, 0), 0.2);
  assert.equal(pNewGroup(0, 0, 2, 0.4), 1);
});

test('a probability stays within (0, 1], rises with the distinct values and with the own curiosity', () => {
  fc.assert(
    fc.property(draws, share, theta, discount, decayed, decayed, (n, part, t, d, o, eX) => {
      const K = Math.floor(n * part);
      const p = pNew(n, K, o, eX, t, d);
      assert.ok(p > 0 && p <= 1);
      assert.ok(pNew(n, K + 1, o, eX, t, d) >= p);
      assert.ok(pNew(n, K, o + 1, eX, t, d) >= p);
      assert.ok(pNew(n, K, o, eX + 1, t, d) <= p);
      assert.ok(pNew(n + 1, K, o, eX, t, d) <= p);
    }),
  );
});

test('an identity like its group keeps the multiplier near 1, a steady one lowers it', () => {
  let o = 0;
  let eX = 0;
  for (let n = 0; n < 2000; n++) {
    eX = nextNewExpected(eX, n, 5, 1, 0);
    o = nextNewSeen(o, false);
  }
  assert.equal(o, 0);
  assert.ok(eX > 0 && eX < 8);
  assert.ok(pNew(2000, 5, o, eX, 1, 0) < pNewGroup(2000, 5, 1, 0));
  assertClose(pNew(2000, 5, 3, 3, 1, 0), pNewGroup(2000, 5, 1, 0), 1e-15, 0, 'multiplier 1');
});

test('new values seen come to the share of new values over the memory of 200 draws', () => {
  // Fixed point of o = 0.995 o + 1 is 200.
  let o = 0;
  for (let n = 0; n < 5000; n++) o = nextNewSeen(o, true);
  assertClose(o, 200, 1e-9, 0, 'all new');
});

test('a value that nobody else adopted is as rare as the number of adoptions allows', () => {
  assert.equal(pRare(0, 99), 0.01);
  assert.equal(pRare(99, 99), 1);
  assert.equal(pRare(0, 0), 1);
});
