import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createIsoReader } from '../../ingest/iso-time.ts';

const reader = createIsoReader(null);
const read = (text: string) => reader.read(text, 0, text.length);

test('every millisecond of 1990 to 2100 is read back, whatever was read before', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 631_152_000_000, max: 4_133_980_799_999 }), { maxLength: 5 }), (list) => {
      for (const ms of list) assert.equal(read(new Date(ms).toISOString()), ms);
    }),
  );
});

test('the spellings of gateways and shippers mean the same time', () => {
  const wanted = Date.parse('2024-05-03T07:00:01.123Z');
  for (const text of [
    '2024-05-03T07:00:01.123Z',
    '2024-05-03T07:00:01.123999999Z',
    '2024-05-03T07:00:01,123Z',
    '2024-05-03t07:00:01.123z',
    '2024-05-03 07:00:01.123Z',
    '2024-05-03T09:00:01.123+02:00',
    '2024-05-03T09:00:01.123+0200',
    '2024-05-03T09:00:01.123+02',
    '2024-05-03T01:30:01.123-05:30',
    '2024-05-03 07:00:01.123999999 +0000 UTC',
    '2024-05-03 07:00:01.123 UTC',
  ]) {
    assert.equal(read(text), wanted, text);
    assert.equal(reader.zoneAssumed, false);
  }
  assert.equal(read('2024-05-03T07:00Z'), Date.parse('2024-05-03T07:00:00Z'));
});

test('a time without zone is UTC and says so, or is of the configured zone', () => {
  assert.equal(read('2024-05-03T07:00:01'), Date.parse('2024-05-03T07:00:01Z'));
  assert.equal(reader.zoneAssumed, true);
  assert.equal(read('2024-05-03T07:00:01Z'), Date.parse('2024-05-03T07:00:01Z'));
  assert.equal(reader.zoneAssumed, false);
  const configured = createIsoReader(-300);
  assert.equal(configured.read('2024-05-03T07:00:01', 0, 19), Date.parse('2024-05-03T07:00:01-05:00'));
  assert.equal(configured.zoneAssumed, false);
});

test('dates of mail headers are read, with and without zone, and never in the zone of the machine', () => {
  assert.equal(read('Tue, 14 Feb 2023 10:00:00 GMT'), Date.parse('2023-02-14T10:00:00Z'));
  assert.equal(reader.zoneAssumed, false);
  assert.equal(read('Tue, 14 Feb 2023 10:00:00 +0200'), Date.parse('2023-02-14T08:00:00Z'));
  assert.equal(read('Tue, 14 Feb 2023 10:00:00'), Date.parse('2023-02-14T10:00:00Z'));
  assert.equal(reader.zoneAssumed, true);
});

test('nonsense that Date.parse would take for a date is no time', () => {
  for (const text of ['', 'item 5', 'a:b', '12', '2024-05-03', '2024-13-03T07:00:01Z', '2024-02-30T07:00:01Z']) {
    assert.ok(Number.isNaN(read(text)), text);
  }
  for (const text of [
    '2024-05-03T24:00:01Z',
    '2024-05-03T07:60:01Z',
    '2024-05-03T07:00:61Z',
    '2024-05-03T07:00:01Zx',
  ]) {
    assert.ok(Number.isNaN(read(text)), text);
  }
  assert.ok(Number.isNaN(read(`2024: ${'x'.repeat(100)}`)));
});

test('arbitrary text never throws', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => typeof read(text) === 'number'));
});
