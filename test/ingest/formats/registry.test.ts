import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatByName } from '../../../ingest/formats/registry.ts';
import { GatewatchError } from '../../../schemas/errors.ts';

const LINE = '192.0.2.1 - erin [07/Apr/2025:18:42:31] "GET /x HTTP/1.1" 200 1 "-" "x"';
const read = (...options: Parameters<typeof formatByName>) => {
  const outcome = formatByName(...options).parse(LINE);
  assert.ok(outcome.type === 'ok');
  return outcome.value;
};

test('the same line is dated at the start by Apache and at the end by NGINX, unless the settings say otherwise', () => {
  assert.equal(read('apache').timeBasis, 'start');
  assert.equal(read('nginx').timeBasis, 'end');
  assert.equal(read('apache', { basis: 'end' }).timeBasis, 'end');
});

test('a configured zone dates lines without one', () => {
  const assumed = read('nginx');
  assert.equal(assumed.timeMs, Date.parse('2025-04-07T18:42:31Z'));
  assert.equal(assumed.timeZoneAssumed, true);
  const configured = read('nginx', { zoneOffsetMinutes: -300 });
  assert.equal(configured.timeMs, Date.parse('2025-04-07T18:42:31-05:00'));
  assert.equal(configured.timeZoneAssumed, false);
});

test('where the gateway does not check passwords a user is only claimed', () => {
  assert.deepEqual(read('nginx').principals, [{ kind: 'user', value: 'erin' }]);
  const unproven = read('nginx', { userIsProven: false });
  assert.deepEqual(unproven.principals, []);
  assert.deepEqual(unproven.claimed, { kind: 'user', value: 'erin' });
});

test('two parsers of one format share no record', () => {
  const line = (path: string) => `192.0.2.1 - - [07/Apr/2025:18:42:31 +0000] "GET ${path} HTTP/1.1" 200 1`;
  const one = formatByName('nginx').parse(line('/one'));
  formatByName('nginx').parse(line('/two'));
  assert.equal(one.type === 'ok' && one.value.path, '/one');
});

test('an unknown name is refused with the names that exist', () => {
  for (const name of ['iis', '', 'toString', '__proto__']) {
    assert.throws(
      () => formatByName(name),
      (error) => error instanceof GatewatchError && error.code === 'format_unknown' && error.message.includes('apache'),
    );
  }
});
