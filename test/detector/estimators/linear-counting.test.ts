import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addBit,
  estimate,
  LINEAR_COUNTER_SIZES,
  type LinearCounterSize,
  linearCountingSql,
} from '../../../detector/estimators/linear-counting.ts';
import { requires } from '../../support/requires.ts';

/** chdb is an optional dependency: named in a variable so that the compiler does not ask for it. */
const CHDB = 'chdb';
const chdb = (await import(CHDB).catch(() => null)) as { query(sql: string, format: string): unknown } | null;

function valueAt(setBits: number, size: number): number {
  return -size * Math.log(1 - Math.min(setBits, size - 0.5) / size);
}

test('estimates follow -m ln(1 - V/m); a full bitmap reads as half a slot short of full', () => {
  for (const size of LINEAR_COUNTER_SIZES) {
    assert.equal(estimate(0, size), 0);
    assert.equal(estimate(1, size), 1);
    for (let set = 0; set <= size; set++) {
      assert.ok(Math.abs(estimate(set, size) - valueAt(set, size)) <= 0.5);
      if (set > 0) assert.ok(estimate(set, size) > estimate(set - 1, size));
    }
    assert.equal(estimate(size, size), Math.round(size * Math.log(2 * size)));
    assert.equal(estimate(size + 9, size), estimate(size, size));
    assert.equal(estimate(-1, size), 0);
  }
});

test('no value lies so near to a half that another logarithm could round it the other way', () => {
  for (const size of LINEAR_COUNTER_SIZES) {
    for (let set = 0; set <= size; set++) {
      const value = valueAt(set, size);
      assert.ok(Math.abs(value - Math.floor(value) - 0.5) > 1e-6);
    }
  }
});

test('a bit is new once, within its own bitmap only', () => {
  const words = new Uint32Array(24);
  for (const hash of [0, 1, 31, 32, 255, 256, 0x80000000, 0xffffffff]) {
    const before = (words[8 + ((hash & 255) >>> 5)] as number) & (1 << (hash & 31));
    assert.equal(addBit(words, 8, 256, hash), before === 0);
    assert.equal(addBit(words, 8, 256, hash), false);
  }
  assert.ok(words.subarray(0, 8).every((word) => word === 0));
  assert.ok(words.subarray(16).every((word) => word === 0));
  let set = 0;
  for (const word of words) for (let rest = word; rest !== 0; rest = (rest & (rest - 1)) >>> 0) set += 1;
  // 256 and 0x80000000 fall on slot 0, 0xffffffff on slot 255.
  assert.equal(set, 5);
});

test('distinct values are estimated without bias within the published standard error', () => {
  // Whang et al. 1990: relative standard error sqrt(m (e^t - t - 1))/n, t = n/m. 200 bitmaps, so the mean is 14 times
  // as exact; within 5 of its standard errors. Hashes: a 32-bit integer mix of a counter.
  const mix = (value: number) => {
    let h = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) >>> 0;
  };
  for (const [size, n] of [
    [256, 50],
    [128, 128],
    [512, 1250],
  ] as const) {
    const rounds = 200;
    let sum = 0;
    for (let round = 0; round < rounds; round++) {
      const words = new Uint32Array(size / 32);
      let set = 0;
      for (let i = 1; i <= n; i++) {
        const hash = mix(round * 100_000 + i);
        if (addBit(words, 0, size, hash)) set += 1;
        assert.equal(addBit(words, 0, size, hash), false);
      }
      sum += estimate(set, size);
    }
    const t = n / size;
    const error = Math.sqrt(size * (Math.exp(t) - t - 1));
    assert.ok(Math.abs(sum / rounds - n) < (5 * error) / Math.sqrt(rounds) + 0.5 * t, `${sum / rounds} for ${n}`);
  }
});

test('ClickHouse gives the same estimate for every number of slots', requires('chdb', chdb !== null), () => {
  for (const size of LINEAR_COUNTER_SIZES) {
    // For each v: v distinct hashes, each twice, and a row without an object.
    const sql = `SELECT v, ${linearCountingSql('nullIf(h, 0)', size)} AS n FROM (
      SELECT v, arrayJoin(arrayConcat(hashes, hashes)) AS h FROM (
        SELECT v, arrayMap(i -> toUInt32(if(i = 0, 0, i + ${size * 7})), range(0, v + 1)) AS hashes
        FROM (SELECT arrayJoin(range(0, ${size + 1})) AS v))) GROUP BY v ORDER BY v`;
    const rows = String(chdb?.query(sql, 'JSONCompactEachRow')).trim().split('\n');
    assert.equal(rows.length, size + 1);
    for (const row of rows) {
      const [slots, n] = JSON.parse(row) as [number | string, number];
      assert.equal(n, estimate(Number(slots), size as LinearCounterSize));
    }
  }
});
