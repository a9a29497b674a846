import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createClientAddress, FORWARDED_MAX_ENTRIES, splitForwardedFor } from '../../ingest/client-address.ts';
import { GatewatchError } from '../../schemas/errors.ts';

const claims = (peer: string | null, ...forwardedFor: string[]) => ({ peer, peerRaw: null, forwardedFor });

test('without trusted proxies the peer is the client, whatever the header says', () => {
  const client = createClientAddress([]);
  assert.equal(client(claims('10.0.0.1', '203.0.113.1')), '10.0.0.1');
  assert.equal(client({ peer: '10.0.0.1', peerRaw: null, forwardedFor: null }), '10.0.0.1');
  assert.equal(client(claims(null, '203.0.113.1')), null);
});

test('a peer that is not trusted cannot name somebody else', () => {
  const client = createClientAddress(['10.0.0.0/8']);
  assert.equal(client(claims('198.51.100.7', '203.0.113.1')), '198.51.100.7');
  assert.equal(client(claims('2001:db8::1', '203.0.113.1')), '2001:db8::1');
});

test('the client is the first address from the right that is not trusted', () => {
  const client = createClientAddress(['private_ranges']);
  assert.equal(client(claims('10.1.111.20', '203.0.113.10', '198.51.100.42', '10.1.111.20')), '198.51.100.42');
  const withEdge = createClientAddress(['private_ranges', '198.51.100.0/24']);
  assert.equal(withEdge(claims('10.1.111.20', '203.0.113.10', '198.51.100.42', '10.1.111.20')), '203.0.113.10');
});

test('when every address is trusted the leftmost is the client', () => {
  const client = createClientAddress(['private_ranges']);
  assert.equal(client(claims('127.0.0.1', '10.0.0.9', 'fd00::1', '[::1]:8080')), '10.0.0.9');
  assert.equal(client(claims('127.0.0.1')), '127.0.0.1');
});

test('an entry that is no address ends the walk', () => {
  const client = createClientAddress(['private_ranges']);
  assert.equal(client(claims('10.0.0.1', '203.0.113.1', 'unknown', '10.0.0.2')), '10.0.0.2');
  assert.equal(client(claims('10.0.0.1', '203.0.113.1', 'fe80::1%any text')), '10.0.0.1');
  assert.equal(client(claims('10.0.0.1', '203.0.113.1', '')), '10.0.0.1');
});

test('entries may have ports, brackets and blanks, and mapped IPv4 is IPv4', () => {
  const client = createClientAddress(['private_ranges']);
  assert.equal(client(claims('10.0.0.1', '203.0.113.1:4711')), '203.0.113.1');
  assert.equal(client(claims('10.0.0.1', ' [2001:DB8::0:7]:443 ')), '2001:db8::7');
  assert.equal(client(claims('10.0.0.1', '203.0.113.1', '::ffff:10.0.0.3')), '203.0.113.1');
});

test('ranges are read as networks: host bits do not count, IPv6 and mapped ones included', () => {
  const client = createClientAddress([
    '10.9.8.7/8',
    '2001:db8:7::5/48',
    '192.0.2.1',
    '::ffff:198.18.0.0/111',
    '0.0.0.0/32',
  ]);
  const trusted = (peer: string) => client(claims(peer, '203.0.113.1')) === '203.0.113.1';
  for (const peer of ['10.255.0.1', '2001:db8:7:ffff::1', '192.0.2.1', '198.19.255.255', '0.0.0.0']) {
    assert.ok(trusted(peer), peer);
  }
  for (const peer of ['11.0.0.0', '2001:db8:8::', '192.0.2.2', '198.20.0.0', '0.0.0.1', '::1']) {
    assert.ok(!trusted(peer), peer);
  }
  const everybody = createClientAddress(['0.0.0.0/0', '::/0']);
  assert.equal(everybody(claims('203.0.113.5', '2001:db8::1', '192.0.2.9')), '2001:db8::1');
});

test('a proxy behind a Unix socket is trusted only when the list says so', () => {
  const record = { peer: null, peerRaw: 'unix:/run/edge.sock', forwardedFor: ['203.0.113.1'] };
  assert.equal(createClientAddress(['private_ranges'])(record), null);
  assert.equal(createClientAddress(['unix:'])(record), '203.0.113.1');
  assert.equal(createClientAddress(['unix:'])({ ...record, peerRaw: 'host.example.com' }), null);
});

test('a trust list that cannot be read is refused', () => {
  for (const entry of [
    '',
    'private',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0/8',
    '10.0.0.1:80',
    '[::1]',
    '::/129',
    'fe80::1%eth0',
    '10.0.0.0/-1',
  ]) {
    assert.throws(
      () => createClientAddress([entry]),
      (error) => error instanceof GatewatchError && error.code === 'config_invalid',
      entry,
    );
  }
});

test('the answer is always the peer, an entry of the chain, or nothing', () => {
  const client = createClientAddress(['private_ranges']);
  const entry = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom('10.0.0.1', '10.0.0.2', '::1'), fc.string());
  fc.assert(
    fc.property(fc.option(fc.ipV4()), fc.array(entry), (peer, forwardedFor) => {
      const answer = client({ peer, peerRaw: null, forwardedFor });
      if (peer === null) assert.equal(answer, null);
      else if (answer !== peer) {
        // Everything to the right of the answer, and the peer, must be trusted: none of it could be the answer.
        const chain = [...forwardedFor, peer];
        const at = chain.findLastIndex(
          (text) => client({ peer: '10.0.0.1', peerRaw: null, forwardedFor: [text] }) === answer,
        );
        assert.ok(at >= 0);
        assert.equal(client({ peer, peerRaw: null, forwardedFor: forwardedFor.slice(at) }), answer);
      }
    }),
  );
});

test('a header value is split at commas, several values are one chain', () => {
  const entries: string[] = [];
  splitForwardedFor('203.0.113.1,198.51.100.2 ,  10.0.0.1', entries);
  splitForwardedFor('10.0.0.2', entries);
  assert.deepEqual(entries, ['203.0.113.1', '198.51.100.2', '10.0.0.1', '10.0.0.2']);
});

test('of a very long chain the entries nearest to us are kept', () => {
  for (const count of [FORWARDED_MAX_ENTRIES, FORWARDED_MAX_ENTRIES + 1, 5_000]) {
    const all = Array.from({ length: count }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    const entries: string[] = [];
    splitForwardedFor(all.join(', '), entries);
    assert.deepEqual(entries, all.slice(-FORWARDED_MAX_ENTRIES));
  }
  const commas: string[] = [];
  splitForwardedFor(','.repeat(60_000), commas);
  assert.equal(commas.length, FORWARDED_MAX_ENTRIES);
});
