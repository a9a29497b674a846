import assert from 'node:assert/strict';
import { isIPv4, isIPv6 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalAddress, isPlainIpv4, peerAddress } from '../../ingest/ip-address.ts';

/** The canonical IPv6 text as WHATWG URL parsers write it (same rules as RFC 5952, but dotted forms never). */
const urlForm = (text: string) => new URL(`http://[${text}]/`).hostname.slice(1, -1);

test('plain IPv4 is exactly what the platform calls IPv4', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.ipV4(), fc.ipV4Extended(), fc.string({ unit: fc.constantFrom(...'0123456789.x ') })),
      (text) => {
        assert.equal(isPlainIpv4(text), isIPv4(text), text);
      },
    ),
  );
  for (const text of ['01.2.3.4', '1.2.3', '1.2.3.4.5', '256.1.1.1', '1.2.3.4 ', '0x7f.0.0.1', '1..2.3', '']) {
    assert.equal(isPlainIpv4(text), false, text);
  }
});

test('an address keeps its meaning and becomes one text, however it was written', () => {
  fc.assert(
    fc.property(fc.ipV4(), fc.integer({ min: 0, max: 65_535 }), (address, port) => {
      for (const text of [
        address,
        `${address}:${port}`,
        ` ${address} `,
        `::ffff:${address}`,
        `[::FFFF:${address}]:${port}`,
      ]) {
        assert.equal(canonicalAddress(text), address, text);
      }
    }),
  );
  fc.assert(
    fc.property(fc.ipV6(), fc.integer({ min: 0, max: 65_535 }), (address, port) => {
      const canonical = canonicalAddress(address);
      // The obsolete `::1.2.3.4` and mapped addresses are tested by hand.
      if (address.includes('.') || canonical === null || isIPv4(canonical)) return;
      assert.equal(canonical, urlForm(address));
      for (const text of [address.toUpperCase(), `[${address}]`, `[${address}]:${port}`, `\t${address}`]) {
        assert.equal(canonicalAddress(text), canonical, text);
      }
      assert.equal(canonicalAddress(canonical), canonical);
    }),
  );
});

test('what is no address, or could carry other text, is none', () => {
  for (const text of [
    '',
    '-',
    'unknown',
    'unix:',
    'example.com',
    '1.2.3.4:',
    '1.2.3.4:123456',
    '1.2.3.4:80x',
    '1.2.3.4/8',
    '[::1',
    '[::1]x',
    '[1.2.3.4]',
    ':::',
    '12345::',
    '::1.2.3.4',
    'fe80::1%eth0',
    `fe80::1%${'a'.repeat(1000)}`,
    '1.2.3.4%a',
    `${'1:'.repeat(5000)}1`,
  ]) {
    assert.equal(canonicalAddress(text), null, text.slice(0, 40));
  }
});

test('the interface behind a peer address is cut off, and nothing else', () => {
  assert.equal(peerAddress('fe80::1%eth0'), 'fe80::1');
  assert.equal(peerAddress('FE80::1'), 'fe80::1');
  assert.equal(peerAddress('192.0.2.1:80'), '192.0.2.1');
  assert.equal(peerAddress('%eth0'), null);
});

test('arbitrary text never throws, and only addresses come out', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...'0123456789abcdefF:.[]% ') }),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const address = canonicalAddress(text);
      assert.ok(address === null || isIPv4(address) || isIPv6(address));
      assert.equal(canonicalAddress(text), address);
    }),
  );
});
