import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatByName } from '../../../ingest/formats/registry.ts';

const apache = formatByName('apache');
const nginx = formatByName('nginx');
const PREFIX = '192.0.2.7 - - [07/Apr/2025:18:42:24 +0000]';
const TIME_MS = Date.parse('2025-04-07T18:42:24Z');

function read(line: string, format = apache) {
  const outcome = format.parse(line);
  assert.ok(outcome.type === 'ok', outcome.type === 'ok' ? '' : outcome.why);
  return outcome.value;
}

/** The escaping of each server, from its source: ap_escape_logitem and ngx_http_log_escape. */
function escaped(text: string, server: 'apache' | 'nginx'): string {
  const short = new Map([...'\b\n\r\t\v"\\'].map((c, i) => [c.charCodeAt(0), `\\${'bnrtv"\\'[i]}`]));
  return [...Buffer.from(text, 'utf8')]
    .map((byte) => {
      const hex = byte.toString(16).padStart(2, '0');
      if (server === 'apache')
        return short.get(byte) ?? (byte < 32 || byte > 126 ? `\\x${hex}` : String.fromCharCode(byte));
      const plain = byte >= 32 && byte <= 126 && byte !== 34 && byte !== 92;
      return plain ? String.fromCharCode(byte) : `\\x${hex.toUpperCase()}`;
    })
    .join('');
}

test('whatever a client sends, each field comes back as sent, and no field reaches into another', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 30 }),
    fc
      .array(
        fc.constantFrom(
          '"',
          '\\',
          ' ',
          ']',
          '[',
          '-',
          '] "',
          '" 200 5 "-" "',
          '[01/Jan/2020:00:00:00 +0000]',
          '10.0.0.1',
          '\n',
          '\\x22',
        ),
        { maxLength: 8 },
      )
      .map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(
      fc.constantFrom<'apache' | 'nginx'>('apache', 'nginx'),
      hostile,
      hostile,
      hostile,
      (server, user, path, agent) => {
        const line =
          `192.0.2.7 - ${escaped(user, server) || '-'} [07/Apr/2025:18:42:24 +0000] ` +
          `"GET /${escaped(path, server)} HTTP/1.1" 200 5 "-" "${escaped(agent, server) || '-'}"`;
        const record = read(line, server === 'apache' ? apache : nginx);
        const [wantedPath, ...query] = `/${path}`.split('?');
        assert.equal(record.timeMs, TIME_MS);
        assert.equal(record.peer, '192.0.2.7');
        assert.equal(record.path, wantedPath);
        assert.equal(record.query, query.length === 0 ? null : query.join('?'));
        assert.equal(record.status, 200);
        assert.equal(record.userAgent, agent === '' || agent === '-' ? null : agent);
        assert.equal(record.principals[0]?.value ?? null, user === '' || user === '-' ? null : user);
        assert.equal(record.forwardedFor, null);
      },
    ),
    { numRuns: 500 },
  );
});

test('a user name cannot pose as a virtual host, an address or a time', () => {
  const record = read(
    '192.0.2.7 - 203.0.113.9 - - [01/Jan/2020:00:00:00 +0000] [07/Apr/2025:18:42:24 +0000] "GET / HTTP/1.1" 200 1',
  );
  assert.equal(record.peer, '192.0.2.7');
  assert.equal(record.host, null);
  assert.equal(record.timeMs, TIME_MS);
  assert.deepEqual(record.principals, [{ kind: 'user', value: '203.0.113.9 - - [01/Jan/2020:00:00:00 +0000]' }]);
});

test('lines of servers that do not escape quotes are kept', () => {
  const record = read(`${PREFIX} "GET /say"hi" HTTP/1.1" 404 5 "-" "An "odd"-agent"`);
  assert.equal(record.path, '/say"hi"');
  assert.equal(record.status, 404);
  assert.equal(record.userAgent, 'An "odd"-agent');
});

test('X-Forwarded-For is read behind the agent or under its name, and nothing else is taken for it', () => {
  const xff = (tail: string) => {
    const { forwardedFor } = read(`${PREFIX} "GET / HTTP/1.1" 200 1 "-" "x" ${tail}`);
    return forwardedFor === null ? null : [...forwardedFor];
  };
  assert.deepEqual(xff('"203.0.113.1, 10.0.0.1"'), ['203.0.113.1', '10.0.0.1']);
  assert.deepEqual(xff('"2001:db8::1"'), ['2001:db8::1']);
  assert.deepEqual(xff('rt=0.1 X-Forwarded-For="203.0.113.1:80, unknown"'), ['203.0.113.1:80', 'unknown']);
  for (const tail of [
    '"-"',
    '""',
    '"2.75"',
    '"10.0.0.1:8080"',
    '"edge-7"',
    '0.005 "203.0.113.1"',
    'X-Forwarded-For="-"',
    '"203.0.113.1',
    '',
  ]) {
    assert.equal(xff(tail), null, tail);
  }
});

test('a virtual host in front is told from a user name with blanks', () => {
  const front = (words: string) => {
    const { host, peer, peerRaw, principals } = read(`${words} [07/Apr/2025:18:42:24 +0000] "GET / HTTP/1.1" 200 1`);
    return [host, peer ?? peerRaw, principals[0]?.value ?? null];
  };
  assert.deepEqual(front('shop.test:80 192.0.2.7 - erin'), ['shop.test', '192.0.2.7', 'erin']);
  assert.deepEqual(front('shop.test 2001:db8::7 - -'), ['shop.test', '2001:db8::7', null]);
  assert.deepEqual(front('shop.test dial-in.test - erin x'), ['shop.test', 'dial-in.test', 'erin x']);
  assert.deepEqual(front('192.0.2.7 - erin x'), [null, '192.0.2.7', 'erin x']);
  assert.deepEqual(front('192.0.2.7 - 10.0.0.1 - x'), [null, '192.0.2.7', '10.0.0.1 - x']);
  assert.deepEqual(front('192.0.2.7 idname erin x'), [null, '192.0.2.7', 'erin x']);
  assert.deepEqual(front('2001:db8::7 idname - x'), [null, '2001:db8::7', '- x']);
  assert.deepEqual(front('dial-in.test - - x'), [null, 'dial-in.test', '- x']);
});

test('a bracket in a user name does not move the time', () => {
  const record = read('192.0.2.7 - x[abcd [07/Apr/2025:18:42:24] "GET / HTTP/1.1" 200 1');
  assert.equal(record.timeMs, TIME_MS);
  assert.deepEqual(record.principals, [{ kind: 'user', value: 'x[abcd' }]);
});
