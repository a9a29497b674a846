import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ExplainRules, explainOutcome, explanationText } from '../../ingest/explain.ts';
import { emptyRecord } from '../../ingest/formats/format.ts';
import { formatByName } from '../../ingest/formats/registry.ts';
import type { AccessRecord } from '../../schemas/event.ts';

const hidden: ExplainRules = {
  show: ({ kind }) => `<${kind}>`,
  redactPath: () => '<path>',
  redactQuery: () => '<query>',
  clientAddress: (record) => record.peer,
};
const clear: ExplainRules = { ...hidden, show: ({ value }) => value, redactPath: (p) => p, redactQuery: (q) => q };
const explain = (record: Partial<AccessRecord>, rules: ExplainRules) =>
  explainOutcome({ type: 'ok', value: { ...emptyRecord(), ...record } }, rules);

test('no identity, address, path or query leaves but by the functions that may show it', () => {
  const secrets = [
    's3cr3t-user',
    's3cr3t-claim',
    '192.0.2.55',
    '198.51.100.77',
    's3cr3t-session',
    's3cr3t-token',
    's3cr3t-path',
    's3cr3t-query',
    's3cr3t-raw',
  ];
  const text = JSON.stringify(
    explain(
      {
        principals: [
          { kind: 'user', value: 's3cr3t-user' },
          { kind: 'service', value: 's3cr3t-user' },
        ],
        claimed: { kind: 'user', value: 's3cr3t-claim' },
        peer: '192.0.2.55',
        peerRaw: 's3cr3t-raw',
        forwardedFor: ['198.51.100.77'],
        session: 's3cr3t-session',
        token: 's3cr3t-token',
        client: 's3cr3t-user',
        path: '/s3cr3t-path',
        query: 's3cr3t-query',
      },
      hidden,
    ),
  );
  for (const secret of secrets) assert.ok(!text.includes(secret), secret);
});

test('a client identity is printed in the word of its gateway', () => {
  const consumer = { kind: 'client' as const, value: 'partner', word: 'consumer' };
  assert.deepEqual(explain({ principals: [consumer] }, clear).identity, { kind: 'consumer', value: 'partner' });
  assert.deepEqual(explain({ principals: [{ kind: 'client', value: 'x' }] }, clear).identity, {
    kind: 'client',
    value: 'x',
  });
});

test('the owner is the first principal, else the address, unless the rules know better', () => {
  const user = { kind: 'user' as const, value: 'erin' };
  assert.deepEqual(explain({ principals: [user], peer: '192.0.2.1' }, clear).owner, user);
  assert.deepEqual(explain({ peer: '192.0.2.1' }, clear).owner, { kind: 'ip', value: '192.0.2.1' });
  assert.equal(explain({}, clear).owner, undefined);
  const asn: ExplainRules = { ...clear, owner: () => ({ kind: 'asn', value: '64500' }) };
  assert.deepEqual(explain({ peer: '192.0.2.1' }, asn).owner, { kind: 'asn', value: '64500' });
});

test('the source of the address is the peer, the gateway or the header', () => {
  const record = { peer: '10.0.0.1', forwardedFor: ['203.0.113.1'] };
  assert.equal(explain(record, clear).client_ip_source, 'peer');
  assert.equal(explain(record, { ...clear, addressIs: 'gateway' }).client_ip_source, 'gateway');
  const forwarded = explain(record, { ...clear, clientAddress: () => '203.0.113.1' });
  assert.equal(forwarded.client_ip_source, 'xff');
  assert.equal(forwarded.client_ip, '203.0.113.1');
  assert.equal(explain({ peer: null }, clear).client_ip_source, null);
});

test('a line that is no event says what it is, by the closed reason and in words', () => {
  assert.deepEqual(explainOutcome({ type: 'drop', reason: 'empty', why: 'w' }, clear), {
    skip: true,
    reason: 'empty',
    why: 'w',
  });
  assert.deepEqual(explainOutcome({ type: 'deadLetter', reason: 'invalid_time', why: 'w' }, clear), {
    malformed: true,
    reason: 'invalid_time',
    why: 'w',
  });
});

test('the printed line is JSON that cannot steer a terminal', () => {
  const hostile = 'a\u001b[31m\u009b1m\u202egnp.\u2028\u200b\ufeff\ud800"\\';
  const text = explanationText(explain({ userAgent: hostile }, clear));
  assert.match(text, /^[ -~]*\ufffd?[ -~]*$/);
  assert.equal(JSON.parse(text).user_agent, hostile.toWellFormed());
});

test('an explanation holds values of its own, not the record that the parser reuses', () => {
  const format = formatByName('nginx');
  const line = (xff: string) => `10.0.0.1 - - [07/Apr/2025:18:42:31 +0000] "GET /x HTTP/1.1" 200 1 "-" "x" "${xff}"`;
  const first = explainOutcome(format.parse(line('203.0.113.1')), clear);
  explainOutcome(format.parse(line('203.0.113.2')), clear);
  assert.deepEqual(first.xff, ['203.0.113.1']);
});
