import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BASE, ID, LEVEL, tickBase } from '../../detector/layout.ts';
import { createRows } from '../../detector/rows.ts';

const id = (n: number): [number, number, number, number] => [Math.imul(n, 0x9e3779b1) >>> 0, n, n ^ 5, 7];

test('an identity is found at its own row, also among identities whose first bits are equal', () => {
  const rows = createRows(10_000);
  const made = new Map<number, number>();
  for (let n = 1; n <= 5_000; n++) {
    const [, b, c, d] = id(n);
    made.set(n, rows.add(n & 7, b, c, d));
  }
  for (const [n, row] of made) {
    const [, b, c, d] = id(n);
    assert.equal(rows.find(n & 7, b, c, d), row);
  }
  assert.equal(rows.find(1, 999_999, 1, 1), -1);
});

test('at the bound a clean row goes, the index stays whole, and rows with evidence or a level stay', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 100, maxLength: 600 }), (sequence) => {
      const rows = createRows(64);
      let counter = 0;
      const marked = new Set<number>();
      for (const n of sequence) {
        counter += 1;
        let row = rows.find(...id(n));
        if (row < 0) row = rows.add(...id(n));
        if (row < 0) continue;
        rows.touch(row, counter);
        assert.equal(rows.words(row)[rows.offsetOf(row) + ID + 1], n);
        if (marked.size < 20 && n % 5 === 0) {
          if (n % 2 === 0) rows.words(row)[rows.offsetOf(row) + LEVEL] = 1;
          else rows.floats(row)[rows.offsetOf(row) + tickBase(1) + BASE] = 5;
          marked.add(n);
        }
      }
      for (const n of marked) assert.ok(rows.find(...id(n)) >= 0, 'a row with evidence was evicted');
      assert.ok(rows.count() <= 64);
    }),
    { numRuns: 50 },
  );
});

test('dirty rows restore into equal rows that are found again', () => {
  const rows = createRows(100_000);
  for (let n = 1; n <= 20_000; n++) {
    const row = rows.add(...id(n));
    rows.floats(row)[rows.offsetOf(row) + 100] = n / 3;
    rows.touch(row, n);
  }
  const restored = createRows(100_000);
  for (const image of rows.takeDirty()) restored.restore(image);
  assert.deepEqual([...rows.takeDirty()], []);
  assert.equal(restored.count(), 20_000);
  for (let n = 1; n <= 20_000; n += 37) {
    const row = restored.find(...id(n));
    assert.equal(restored.floats(row)[restored.offsetOf(row) + 100], Math.fround(n / 3));
  }
});
