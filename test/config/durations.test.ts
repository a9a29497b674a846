import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseDuration } from '../../config/durations.ts';

test('a duration is its number times its unit, in whole milliseconds', () => {
  const cases: [string, number][] = [
    ['500ms', 500],
    ['10s', 10_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['30d', 2_592_000_000],
    ['1.5h', 5_400_000],
    ['0.1s', 100],
    [' 10 s ', 10_000],
    ['0s', 0],
  ];
  for (const [written, ms] of cases) assert.deepEqual(parseDuration(written), { ok: true, value: { ms } }, written);
});

test('what is no duration is refused with something that is one', () => {
  const cases: [unknown, string][] = [
    [10, '10s'],
    ['10', '10s'],
    ['5 minutes', '5m'],
    ['10S', '10s'],
    ['2 days', '2d'],
    ['1h30m', '90m'],
    ['1m30s', '90s'],
    ['0.5ms', '1ms'],
    ['soon', '10s'],
    ['-5s', '10s'],
    ['10constructor', '10s'],
    [null, '10s'],
    [true, '10s'],
  ];
  for (const [written, fix] of cases) {
    const reading = parseDuration(written);
    assert.equal(reading.ok, false, String(written));
    assert.equal(reading.ok ? '' : reading.fix, fix, String(written));
  }
});

test('whatever is written, reading does not throw, and the advice is itself a duration', () => {
  const written = fc.oneof(
    fc.string(),
    fc.stringMatching(/^\d{1,4}(\.\d{1,3})? ?[a-zA-Z]{0,12}$/),
    fc.nat(),
    fc.anything(),
  );
  fc.assert(
    fc.property(written, (value) => {
      const reading = parseDuration(value);
      const duration = reading.ok ? reading : parseDuration(reading.fix);
      assert.ok(duration.ok && Number.isSafeInteger(duration.value.ms) && duration.value.ms >= 0);
    }),
  );
});
