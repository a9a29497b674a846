import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createClfReader } from '../../ingest/clf-time.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (n: number) => String(n).padStart(2, '0');

/** A time as Apache would write it on a clock that is `zone` minutes ahead of UTC, by way of Date. */
function written(timeMs: number, zone: number): string {
  const d = new Date(timeMs + zone * 60_000);
  const date = `${two(d.getUTCDate())}/${MONTHS[d.getUTCMonth()]}/${d.getUTCFullYear()}`;
  const time = `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`;
  const minutes = Math.abs(zone);
  return `${date}:${time} ${zone < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
}

test('every second of 1990 to 2100 is read back in every zone, whatever was read before', () => {
  const reader = createClfReader(null);
  const seconds = fc.integer({ min: 631_152_000, max: 4_133_980_799 });
  fc.assert(
    fc.property(fc.array(fc.tuple(seconds, fc.integer({ min: -720, max: 840 })), { maxLength: 5 }), (list) => {
      for (const [second, zone] of list) {
        const text = `x[${written(second * 1000, zone)}]`;
        assert.equal(reader.read(text, 2, text.length - 1), second * 1000);
        assert.equal(reader.zoneAssumed, false);
      }
    }),
  );
});

test('a fraction counts to the millisecond', () => {
  const reader = createClfReader(null);
  const text = '10/Oct/2000:13:55:36.9876 +0000';
  assert.equal(reader.read(text, 0, text.length), Date.parse('2000-10-10T13:55:36.987Z'));
});

test('a time without zone is UTC and says so, or is of the configured zone', () => {
  const text = '10/Oct/2000:13:55:36';
  const assuming = createClfReader(null);
  assert.equal(assuming.read(text, 0, text.length), Date.parse('2000-10-10T13:55:36Z'));
  assert.equal(assuming.zoneAssumed, true);
  const configured = createClfReader(120);
  assert.equal(configured.read(text, 0, text.length), Date.parse('2000-10-10T13:55:36+02:00'));
  assert.equal(configured.zoneAssumed, false);
});

test('what is not exactly such a time is no time', () => {
  const reader = createClfReader(null);
  for (const text of [
    '',
    '10/Oct/2000',
    '10/Oct/2000:13:55',
    '32/Oct/2000:13:55:36 +0000',
    '10/Okt/2000:13:55:36 +0000',
    '10/Oct/2000:24:55:36 +0000',
    '10/Oct/2000:13:60:36 +0000',
    '10/Oct/2000:13:55:61 +0000',
    '10/Oct/2000:13:55:36 0000',
    '10/Oct/2000:13:55:36 +000x',
    '10/Oct/2000:13:55:36+0000',
    '10/Oct/2000:13:55:36 +00000',
    '10-Oct-2000:13:55:36 +0000',
    '10/Oct/2000 13:55:36 +0000',
    '2000-10-10T13:55:36+00:00',
  ]) {
    assert.ok(Number.isNaN(reader.read(text, 0, text.length)), text);
  }
});
