import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isLoopbackHost, parseAddressRange, parseZone, writtenOutRanges } from '../../config/places.ts';

test('ranges are kept in canonical form: host bits cleared, addresses as the range of one', () => {
  const cases: [string, string][] = [
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.9.8.7/8', '10.0.0.0/8'],
    ['192.0.2.1', '192.0.2.1/32'],
    ['2001:DB8::1', '2001:db8::1/128'],
    ['2001:db8:1::/48', '2001:db8:1::/48'],
    ['private', 'private'],
  ];
  for (const [written, value] of cases) assert.deepEqual(parseAddressRange(written), { ok: true, value }, written);
});

test('what trusts everybody, is ambiguous or is no range is refused with something to write', () => {
  const cases: [unknown, string][] = [
    ['0.0.0.0/0', 'private'],
    ['::/0', 'private'],
    ['privat', 'private'],
    ['localhost', '10.0.0.0/8'],
    ['10.0.0.0/33', '10.0.0.0/8'],
    ['010.0.0.0/8', '10.0.0.0/8'],
    ['10.1/16', '10.0.0.0/8'],
    ['fe80::1%eth0', '10.0.0.0/8'],
    [10, '10.0.0.0/8'],
  ];
  for (const [written, fix] of cases) {
    const reading = parseAddressRange(written);
    assert.equal(reading.ok ? 'accepted' : reading.fix, fix, String(written));
  }
});

test('reading a range never throws, and accepted text reads to itself', () => {
  const text = fc.oneof(
    fc.string(),
    fc.ipV4(),
    fc.ipV6(),
    fc.tuple(fc.ipV4(), fc.nat(40)).map(([ip, bits]) => `${ip}/${bits}`),
  );
  fc.assert(
    fc.property(text, (written) => {
      const reading = parseAddressRange(written);
      if (reading.ok) assert.deepEqual(parseAddressRange(reading.value), reading);
    }),
  );
});

test('words are written out, and a range that comes twice stays once', () => {
  assert.deepEqual(writtenOutRanges(['loopback', '127.0.0.0/8', 'unix']), ['127.0.0.0/8', '::1/128', 'unix:']);
  // RFC 1918 section 3 names these three.
  for (const range of ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16']) {
    assert.ok(writtenOutRanges(['private']).includes(range), range);
  }
});

test('only addresses that other machines cannot reach count as loopback', () => {
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost', '::ffff:127.0.0.1'])
    assert.ok(isLoopbackHost(host), host);
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.org', 'localhost.example.org', '', '0x7f.1']) {
    assert.ok(!isLoopbackHost(host), host);
  }
});

test('a zone is UTC or a fixed offset, in minutes ahead of UTC', () => {
  const cases: [string, number][] = [
    ['UTC', 0],
    ['+02:00', 120],
    ['-05:30', -330],
    ['+0545', 345],
  ];
  for (const [written, minutes] of cases)
    assert.deepEqual(parseZone(written), { ok: true, value: { minutes } }, written);
});

test('a place is refused as a zone, with its offset in January', () => {
  // Offsets of standard time: IANA time zone database.
  const cases: [string, string][] = [
    ['Europe/Berlin', '+01:00'],
    ['Asia/Kolkata', '+05:30'],
    ['America/New_York', '-05:00'],
    ['Europe/London', 'UTC'],
    ['nowhere', '+01:00'],
  ];
  for (const [written, fix] of cases) {
    const reading = parseZone(written);
    assert.equal(reading.ok ? 'accepted' : reading.fix, fix, written);
  }
});
