import assert from 'node:assert/strict';
import test from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { createBoundedCache, ownCopy } from '../../ingest/bounded-cache.ts';

test('the cache never answers with another value than the one set, stays within its bound, and holds the last keys', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.array(fc.tuple(fc.string({ maxLength: 6 }), fc.nat()), { maxLength: 200 }),
      (entries, steps) => {
        const cache = createBoundedCache<number>(entries);
        const truth = new Map<string, number>();
        const set: string[] = [];
        for (const [key, value] of steps) {
          const held = cache.get(key);
          if (held === undefined) {
            cache.set(key, value);
            truth.set(key, value);
            set.push(key);
          } else assert.equal(held, truth.get(key));
          assert.ok(cache.size <= entries);
          for (const recent of set.slice(-entries)) assert.equal(cache.get(recent), truth.get(recent));
        }
      },
    ),
  );
});

test('a population within the bound that comes by in turn is computed once', () => {
  const cache = createBoundedCache<number>(200);
  let misses = 0;
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 200; i++) {
      if (cache.get(`k${i}`) !== undefined) continue;
      misses += 1;
      cache.set(`k${i}`, i);
    }
  }
  assert.equal(misses, 200);
});

test('long keys are bounded by their characters too, and keys beyond the longest are not kept', () => {
  const cache = createBoundedCache<number>(10, 200);
  for (let i = 0; i < 100; i++) cache.set(`${i}`.padEnd(200, 'x'), i);
  // 640 characters: three keys of 200.
  assert.equal(cache.size, 3);
  assert.equal(cache.get('99'.padEnd(200, 'x')), 99);
  cache.set('y'.repeat(201), 1);
  assert.equal(cache.get('y'.repeat(201)), undefined);
});

test('bounds that are no positive integers are refused', () => {
  for (const bad of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => createBoundedCache(bad), RangeError);
    assert.throws(() => createBoundedCache(1, bad), RangeError);
  }
});

test('a copied text is the same text, lone surrogates included', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => ownCopy(text) === text));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 50 }), (units) => {
      const text = String.fromCharCode(...units);
      return ownCopy(text) === text;
    }),
  );
});

test('a key cut out of a long text does not keep the long text in memory', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const cache = createBoundedCache<number>(1000);
  collect();
  const before = process.memoryUsage().heapUsed;
  // Node keeps strings of a megabyte and more outside the heap, where heapUsed does not count them.
  const chunkBytes = 512 * 1024;
  for (let i = 0; i < 64; i++) {
    const chunk = Buffer.alloc(chunkBytes, `${i} a long text `).toString('latin1');
    cache.set(chunk.slice(100, 140), i);
  }
  collect();
  const grown = process.memoryUsage().heapUsed - before;
  assert.equal(cache.size, 64);
  assert.ok(grown < 16 * chunkBytes, `kept ${grown} bytes`);
});
