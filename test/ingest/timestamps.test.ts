import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  dayMs,
  epochMs,
  epochTextMs,
  parseZoneOffset,
  TIME_MAX_MS,
  TIME_MIN_MS,
  timeInRange,
} from '../../ingest/timestamps.ts';

const PLACES = { s: 3, ms: 0, us: -3, ns: -6 } as const;
const times = fc.integer({ min: TIME_MIN_MS, max: TIME_MAX_MS - 1 });
const units = fc.constantFrom('s', 'ms', 'us', 'ns');

/** A time written as a decimal count in a unit, by moving the point of its digits. */
function written(timeMs: number, unit: 's' | 'ms' | 'us' | 'ns'): string {
  const places = PLACES[unit];
  const digits = String(timeMs);
  if (places <= 0) return digits + '0'.repeat(-places);
  return `${digits.slice(0, -places)}.${digits.slice(-places)}`;
}

test('a count of seconds, milliseconds, microseconds or nanoseconds gives the millisecond it was made of', () => {
  fc.assert(
    fc.property(times, units, (timeMs, unit) => {
      const text = written(timeMs, unit);
      assert.equal(epochTextMs(text, unit), timeMs);
      assert.equal(epochTextMs(text, 'auto'), timeMs);
      assert.equal(epochMs(Number(text), unit), timeMs);
      assert.equal(epochMs(Number(text), 'auto'), timeMs);
    }),
  );
});

test('a millisecond that a double cannot hold exactly as seconds or nanoseconds is not lost', () => {
  // Found by search: a plain floor gives one less.
  assert.equal(epochMs(2_168_019_233.128, 's'), 2_168_019_233_128);
  assert.equal(epochMs(1_429_796_189_658_000_000, 'ns'), 1_429_796_189_658);
});

test('digits behind the millisecond are cut, never rounded up', () => {
  assert.equal(epochTextMs('1743003163.9999', 's'), 1743003163999);
  assert.equal(epochMs(1743003163.1276934, 's'), 1743003163127);
  assert.equal(epochTextMs('1709677843239999999', 'ns'), 1709677843239);
  assert.equal(epochTextMs('1714719600123.9', 'ms'), 1714719600123);
});

test('text that is no plain count is no time', () => {
  for (const text of ['', '.', '.5', '-1', '1e9', '0x10', '1.2.3', ' 1', '1 ', 'NaN', '9'.repeat(41)]) {
    assert.ok(Number.isNaN(epochTextMs(text, 's')), text);
  }
  for (const count of [-1, Number.NaN, Number.POSITIVE_INFINITY]) assert.ok(Number.isNaN(epochMs(count, 'ms')));
});

test('times before 1990 and after 2100 are out of range', () => {
  assert.equal(timeInRange(Date.parse('1990-01-01T00:00:00Z')), true);
  assert.equal(timeInRange(Date.parse('1989-12-31T23:59:59.999Z')), false);
  assert.equal(timeInRange(Date.parse('2100-12-31T23:59:59.999Z')), true);
  assert.equal(timeInRange(Date.parse('2101-01-01T00:00:00Z')), false);
  assert.equal(timeInRange(Number.NaN), false);
});

test('a day of the calendar exists or is no time', () => {
  assert.equal(dayMs(2024, 2, 29), Date.parse('2024-02-29T00:00:00Z'));
  for (const [year, month, day] of [
    [2023, 2, 29],
    [2024, 4, 31],
    [2024, 13, 1],
    [2024, 0, 1],
    [2024, 1, 0],
    [-1, 1, 1],
  ] as const) {
    assert.ok(Number.isNaN(dayMs(year, month, day)));
  }
});

test('a configured zone is UTC or an offset', () => {
  assert.equal(parseZoneOffset('Z'), 0);
  assert.equal(parseZoneOffset('UTC'), 0);
  assert.equal(parseZoneOffset('+02:00'), 120);
  assert.equal(parseZoneOffset('-0530'), -330);
  assert.equal(parseZoneOffset('+14'), 840);
  for (const text of ['', '02:00', '+2', '+24:00', '+02:60', 'CET', '+02:00 '])
    assert.equal(parseZoneOffset(text), null);
});
