import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import test from 'node:test';
import fc from 'fast-check';
import { canonicalAddress } from '../../ingest/ip-address.ts';
import { networkOf } from '../../ingest/network.ts';

test('a client address becomes its /24 or its /48 in canonical text', () => {
  // Worked out by hand from RFC 4291 and RFC 5952.
  const cases: [string | null, string][] = [
    ['203.0.113.7', '203.0.113.0/24'],
    ['10.0.0.1', '10.0.0.0/24'],
    ['255.255.255.255', '255.255.255.0/24'],
    ['0.0.0.0', '0.0.0.0/24'],
    ['2001:db8:1:2::5', '2001:db8:1::/48'],
    ['2001:DB8:0001:0002::5', '2001:db8:1::/48'],
    ['2001:db8::5', '2001:db8::/48'],
    ['2001:0:1::5', '2001:0:1::/48'],
    ['::1', '::/48'],
    ['fe80::1', 'fe80::/48'],
    ['::ffff:203.0.113.7', '203.0.113.0/24'],
    [null, ''],
  ];
  for (const [address, network] of cases) {
    assert.equal(networkOf(address), network);
    assert.equal(networkOf(address), network);
  }
});

test('the network holds the address, by the reckoning of node:net, and two addresses share it when they should', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
      const canonical = canonicalAddress(address);
      // The obsolete form ::192.0.2.1 is no address here.
      fc.pre(canonical !== null);
      const network = networkOf(address);
      const [base, bits] = network.split('/') as [string, string];
      const family = base.includes(':') ? 'ipv6' : 'ipv4';
      const list = new BlockList();
      list.addSubnet(base, Number(bits), family);
      assert.equal(bits, family === 'ipv6' ? '48' : '24');
      assert.ok(list.check(canonical, family));
      assert.equal(networkOf(base), network);
    }),
  );
});

test('what is no address has no network, and the result is never anything but an address and a length', () => {
  for (const text of ['', '-', 'unknown', '1.2.3', '1.2.3.256', '01.2.3.4', 'fe80::1%eth0', '"', '1.2.3.4"']) {
    assert.equal(networkOf(text), '');
  }
  fc.assert(fc.property(fc.string({ maxLength: 60 }), (text) => /^$|^[0-9a-f.:]+\/(24|48)$/.test(networkOf(text))));
});
