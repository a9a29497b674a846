import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { editDistance, nearestName } from '../../config/nearest-name.ts';

test('the distance counts inserts, deletions, replacements and swaps of neighbours', () => {
  // kitten/sitting and saturday/sunday are the textbook pairs of Levenshtein distance; ca/abc is 3 in this restricted form.
  const cases: [string, string, number][] = [
    ['kitten', 'sitting', 3],
    ['saturday', 'sunday', 3],
    ['ca', 'abc', 3],
    ['format', 'fromat', 1],
    ['', 'abc', 3],
    ['same', 'same', 0],
  ];
  for (const [a, b, distance] of cases) assert.equal(editDistance(a, b), distance, `${a} ${b}`);
});

test('the distance is symmetric, zero only for equal names, and at most the longer length', () => {
  const name = fc.string({ maxLength: 12 });
  fc.assert(
    fc.property(name, name, (a, b) => {
      const distance = editDistance(a, b);
      assert.equal(distance, editDistance(b, a));
      assert.equal(distance === 0, a === b);
      assert.ok(distance <= Math.max(a.length, b.length) && distance >= Math.abs(a.length - b.length));
    }),
  );
});

test('a slip of the pen is recognised, case and - for _ included; a different word is not', () => {
  const known = ['format', 'from', 'path', 'trusted_proxies'];
  assert.equal(nearestName('fromat', known), 'format');
  assert.equal(nearestName('Trusted-Proxy', known), 'trusted_proxies');
  assert.equal(nearestName('pth', known), 'path');
  assert.equal(nearestName('retention', known), null);
  assert.equal(nearestName('x'.repeat(1000), known), null);
  assert.equal(nearestName('a', []), null);
});
