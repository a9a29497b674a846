import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseSize } from '../../config/sizes.ts';

test('a size is its number times its unit: powers of 1024 with an i, of 1000 without', () => {
  const cases: [string, number][] = [
    ['65536B', 65_536],
    ['64KiB', 65_536],
    ['512 MiB', 536_870_912],
    ['4GiB', 4_294_967_296],
    ['1.5GiB', 1_610_612_736],
    ['1TiB', 1_099_511_627_776],
    ['2GB', 2_000_000_000],
    ['3kB', 3000],
  ];
  for (const [written, bytes] of cases) assert.deepEqual(parseSize(written), { ok: true, value: { bytes } }, written);
});

test('what is no size, or not clearly one, is refused with something that is one', () => {
  const cases: [unknown, string][] = [
    [4096, '4096B'],
    ['4G', '4GiB'],
    ['4gb', '4GiB'],
    ['512m', '512MiB'],
    ['10b', '10B'],
    ['0.3B', '0B'],
    ['big', '1GiB'],
    [undefined, '1GiB'],
  ];
  for (const [written, fix] of cases) {
    const reading = parseSize(written);
    assert.equal(reading.ok ? 'accepted' : reading.fix, fix, String(written));
  }
});

test('whatever is written, reading does not throw, and the advice is itself a size', () => {
  const written = fc.oneof(
    fc.string(),
    fc.stringMatching(/^\d{1,4}(\.\d{1,3})? ?[a-zA-Z]{0,5}$/),
    fc.nat(),
    fc.anything(),
  );
  fc.assert(
    fc.property(written, (value) => {
      const reading = parseSize(value);
      const size = reading.ok ? reading : parseSize(reading.fix);
      assert.ok(size.ok && Number.isSafeInteger(size.value.bytes) && size.value.bytes >= 0);
    }),
  );
});
