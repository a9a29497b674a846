// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how secrets are named in settings

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkConfig } from '../../config.ts';
import { accepted, NO_FILE, refused } from './settings.ts';

test('every problem of a file is found at once, with its line and what to write instead', () => {
  const text = `tenat: shop
sources:
  - name: Edge 1
    type: file
    path: /a
    formt: nginx
  - name: web
    type: http
    from: end
    format: ngnix
    trusted_proxies: private
  - type: htp
listen: { host: 0.0.0.0, port: "80" }
cap_bytes: 4GiB
log: { cap_bytes: 4G, retention: 5m }
policy:
  ladder: { notify: 12 }
checkpoint: 10s
`;
  const seen = refused(text).map(({ line, column, path, fix }) => [line, column, path, fix]);
  assert.deepEqual(seen, [
    [1, 1, 'tenat', 'tenant:'],
    [3, 11, 'sources[0].name', 'name: edge-1'],
    [6, 5, 'sources[0].formt', 'format:'],
    [9, 5, 'sources[1].from', 'type: file, or remove from'],
    [10, 13, 'sources[1].format', 'format: nginx'],
    [11, 22, 'sources[1].trusted_proxies', 'trusted_proxies: [private]'],
    [12, 5, 'sources[2].name', 'name: edge'],
    [12, 11, 'sources[2].type', 'type: http'],
    [13, 17, 'listen.host', 'ingest_token: ${env:GATEWATCH_INGEST_TOKEN} (below listen), or host: 127.0.0.1'],
    [13, 32, 'listen.port', 'port: 80'],
    [14, 1, 'cap_bytes', 'log: { cap_bytes: ... }'],
    [15, 19, 'log.cap_bytes', 'cap_bytes: 4GiB'],
    [15, 34, 'log.retention', 'retention: 1h'],
    [
      17,
      11,
      'policy.ladder.throttle',
      'ladder: { observe: 4.6, notify: 12, throttle: 14.3, revoke_session: 17, revoke_credential: 23 }',
    ],
    [18, 13, 'checkpoint', 'checkpoint: { interval: 10s, events: 500000 }'],
  ]);
});

test('what the problems say to write is accepted when it is written', () => {
  const written: [string, string][] = [
    ['tenant: My Shop', 'tenant'],
    ['mode: embeded', 'mode'],
    ['log_level: debug', 'log_level'],
    ['trusted_proxies: loopback', 'trusted_proxies'],
    ['listen: 8080', 'listen'],
    ['log: []', 'log'],
    ['store: { events_days: 0 }', 'store'],
    ['store: { events_days: 2.5 }', 'store'],
    ['store: { memory_limit: 1kB }', 'store'],
    ['checkpoint: { interval: 1 hour }', 'checkpoint'],
    ['checkpoint: { events: "10000" }', 'checkpoint'],
    ['limits: { line_max_bytes: 1GiB }', 'limits'],
    ['policy: { mode: of }', 'policy'],
    ['policy: { family_nats: .nan }', 'policy'],
  ];
  for (const [text, section] of written) {
    const [problem, ...more] = refused(text);
    assert.deepEqual(more, [], text);
    const inside = problem?.path.includes('.') ? `${section}: { ${problem.fix} }` : (problem?.fix ?? '');
    // An advised interval of an hour is above the bound, which the next check says.
    const next = checkConfig(inside, 'gw.yaml', {}, NO_FILE);
    if ('problems' in next) accepted(`${section}: { ${next.problems[0]?.fix} }`);
  }
});

test('no problem and no accepted configuration shows a secret', () => {
  const clear = 'hunter2-hunter2-hunter2';
  const texts = [
    `pseudonym_key: ${clear}`,
    `listen: { ingest_token: ${clear} }`,
    `listen: { ingest_token: { ${clear}: 1 } }`.replace(`${clear}: 1`, `value: ${clear}`),
    `listen: { ingest_token: [${clear}] }`,
    'pseudonym_key: "${env:S}"',
    'listen: { ingest_token: "${env:S}", port: x }',
    `listen:\n  ingest_token: "${clear}\n`,
    `listen:\n  ingest_token: '${clear}' ${clear}\n`,
    `listen: { ingest_token: "${clear}`,
    `pseudonym_key: ${clear}: x`,
    `pseudonym_key: @${clear}`,
    `pseudonym_key: "\\q${clear}"`,
    `pseudonym_key: !${clear} x`,
    `pseudonym_key: *${clear}`,
  ];
  for (const text of texts) assert.ok(!JSON.stringify(refused(text, { S: `${clear} ` })).includes('hunter2'), text);
  const config = accepted('listen: { ingest_token: "${env:S}" }', { S: clear });
  assert.ok(!JSON.stringify(config).includes('hunter2'));
});

test('no text makes it throw, and every problem lies within the text and has advice', () => {
  const piece = fc.constantFrom(
    ...[
      'tenant',
      'sources',
      'listen',
      'policy',
      'ladder',
      'mapping',
      'type',
      ...['mode', 'distributed', 'kafka', 'brokers', 'tls', 'sasl', 'store', 'server', 'url', 'topic', 'a:1'],
      'file',
      'http',
      'name',
      'path',
      'time',
      'x',
    ],
    ...[
      ': ',
      '\n',
      '\n  ',
      '- ',
      '[',
      ']',
      '{',
      '}',
      ',',
      '"',
      "'",
      '&a ',
      '*a',
      '!t ',
      '? ',
      '|',
      '#',
      '${env:X}',
      '1',
      '.nan',
    ],
    ...['null', 'true', '10s', '0x10', '<<', '\t', '\r\n', '---', '%YAML 1.1', '\u0000', 'constructor', '__proto__'],
  );
  const text = fc.oneof(
    fc.array(piece, { maxLength: 40 }).map((parts) => parts.join('')),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(text, (written) => {
      const result = checkConfig(written, 'gw.yaml', {}, NO_FILE);
      if ('config' in result) return;
      const lines = written.split('\n');
      for (const { line, column, message, fix } of result.problems) {
        assert.ok(line >= 1 && line <= lines.length, `line ${line} of ${lines.length}`);
        assert.ok(column >= 1 && column <= (lines[line - 1]?.length ?? 0) + 1, `column ${column}`);
        assert.ok(message !== '' && fix !== '');
      }
    }),
    { numRuns: 1000 },
  );
});
