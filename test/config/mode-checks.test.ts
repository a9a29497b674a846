// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how secrets are named in settings

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../config/schema.ts';
import { accepted, NO_FILE, refused } from './settings.ts';

const env = { K: Buffer.alloc(32, 7).toString('base64'), P: 'hunter2' };
const KAFKA = 'kafka: { brokers: [kafka:9092] }';
const STORE = 'store: { type: none }';
const REST = 'mode: distributed\npseudonym_key: "${env:K}"\n';

const told = (text: string) => refused(text, env).map(({ path, message, fix }) => [path, message, fix]);
const places = (text: string) => refused(text, env).map(({ path }) => path);
const config = (text: string): Config => accepted(text, env);
const withKafka = (inside: string) => `${REST}${STORE}\nkafka: { ${inside} }`;
const withStore = (inside: string) => `${REST}${KAFKA}\nstore: { ${inside} }`;

test('distributed mode needs Kafka, a key, and a store that all share: all three are told at once', () => {
  assert.deepEqual(told('mode: distributed'), [
    ['kafka', 'is missing: the processes of mode distributed share Kafka', 'kafka: { brokers: [kafka:9092] }'],
    [
      'pseudonym_key',
      'is missing: every process needs the same key, and one that is made stays in one data directory',
      'pseudonym_key: ${env:GATEWATCH_PSEUDONYM_KEY}',
    ],
    [
      'store.type',
      'is missing: the default embedded is the store of one process, and those of mode distributed need a common one',
      'type: server and url: http://clickhouse:8123 (below store), or type: none',
    ],
  ]);
  assert.deepEqual(places(withStore('type: embedded')), ['store.type']);
  assert.equal(refused(withStore('type: embedded'), env)[0]?.line, 4);
});

test('what the three problems say to write is enough', () => {
  const fixes = refused('mode: distributed', env).map(({ fix }) => fix);
  const text = `mode: distributed\n${fixes[0]}\n${fixes[1]?.replace(/\$.*/, '"${env:K}"')}\nstore:\n`;
  assert.equal(config(`${text}  type: server\n  url: http://clickhouse:8123\n`).store.type, 'server');
  assert.equal(config(`${text}  type: none\n`).store.type, 'none');
});

test('a setting that stands there but cannot be read is told once, not as missing too', () => {
  assert.deepEqual(places(`mode: distributed\nkafka: x\npseudonym_key: "\${env:NONE}"\nstore: { type: srver }`), [
    'kafka',
    'pseudonym_key',
    'store.type',
  ]);
  assert.deepEqual(places('mode: distribted'), ['mode']);
});

test('Kafka in embedded mode is a problem that names the other mode', () => {
  const text = `${KAFKA}\nsources:\n  - { type: kafka, name: a, topic: t, format: json }\n`;
  assert.deepEqual(
    refused(text).map(({ line, path, fix }) => [line, path, fix]),
    [
      [1, 'kafka', 'mode: distributed (at the top), or remove kafka'],
      [3, 'sources[0].type', 'mode: distributed (at the top), or type: file or http'],
    ],
  );
  assert.deepEqual(places('kafka: { brokers: [kafka:9092], tls: { ca_file: /none } }'), ['kafka']);
});

test('the defaults of Kafka are those that are documented', () => {
  assert.deepEqual(config(`${REST}${KAFKA}\n${STORE}`).kafka, {
    brokers: ['kafka:9092'],
    client_id: 'gatewatch',
    tls: null,
    sasl: null,
    topic_prefix: 'gatewatch',
    partitions: 32,
    replication_factor: null,
    session_timeout: { ms: 10_000 },
    compression: 'auto',
  });
});

test('values of Kafka that cannot work are refused with one that can', () => {
  const cases: [string, string][] = [
    ['brokers: []', 'brokers: [kafka:9092]'],
    ['brokers: broker-1', 'brokers: [broker-1:9092]'],
    ['brokers: [broker-1]', 'broker-1:9092'],
    ['client_id: gatewatch', 'brokers: [kafka:9092]'],
    ['brokers: [a:1], client_id: "my gate"', 'client_id: my-gate'],
    ['brokers: [a:1], topic_prefix: .x', 'topic_prefix: x'],
    ['brokers: [a:1], partitions: 0', 'partitions: 1'],
    ['brokers: [a:1], partitions: 257', 'partitions: 256'],
    ['brokers: [a:1], replication_factor: 0', 'replication_factor: 1'],
    ['brokers: [a:1], session_timeout: 5s', 'session_timeout: 6s'],
    ['brokers: [a:1], session_timeout: 6m', 'session_timeout: 5m'],
    ['brokers: [a:1], compression: zst', 'compression: zstd'],
    ['brokers: [a:1], tls: true', 'tls: { enabled: true }'],
    ['brokers: [a:1], tls: { server: x }', 'one of: enabled, ca_file, cert_file, key_file, server_name'],
    ['brokers: [a:1], sasl: { mechanism: scram, username: u, password: "${env:P}" }', 'mechanism: scram-sha-512'],
    [
      'brokers: [a:1], sasl: { mechanism: scram-sha-256, username: u, password: hunter2 }',
      'password: ${env:GATEWATCH_KAFKA_PASSWORD} or ${file:/run/secrets/gatewatch_kafka_password}',
    ],
  ];
  for (const [inside, fix] of cases) {
    const problems = refused(withKafka(inside), env);
    assert.deepEqual(
      problems.map((problem) => problem.fix),
      [fix],
      inside,
    );
    assert.ok(!JSON.stringify(problems).includes('hunter2'));
  }
});

test('a tls or sasl section with nothing below it is no consent to connections in the clear', () => {
  for (const name of ['tls', 'sasl']) {
    const [problem, ...more] = refused(`${REST}${STORE}\nkafka:\n  brokers: [a:1]\n  ${name}:\n`, env);
    assert.deepEqual([problem?.line, problem?.path, more], [6, `kafka.${name}`, []]);
  }
  assert.notEqual(config(withKafka('brokers: [a:1], tls: {}')).kafka?.tls, null);
  assert.equal(config(withKafka('brokers: [a:1], tls: { enabled: false, ca_file: /none }')).kafka?.tls, null);
});

test('mechanism plain needs TLS, brokers on this machine, or a word that the network is safe', () => {
  const plain = (brokers: string, more: string, allow = '') =>
    withKafka(`brokers: [${brokers}], sasl: { mechanism: plain, username: u, password: "\${env:P}"${allow} }${more}`);
  for (const text of [
    plain('kafka:9092', ''),
    plain('localhost:9092, kafka:9092', ''),
    plain('kafka:9092', ', tls: { enabled: false }'),
  ]) {
    const [problem, ...more] = refused(text, env);
    assert.deepEqual(more, []);
    assert.equal(problem?.path, 'kafka.sasl.mechanism');
    assert.match(problem?.message ?? '', /sends the password to kafka:9092/);
    assert.match(problem?.fix ?? '', /tls: .*scram-sha-512.*allow_plaintext_password: true/);
  }
  for (const text of [
    plain('kafka:9092', ', tls: {}'),
    plain('kafka:9092', '', ', allow_plaintext_password: true'),
    plain('localhost:9092, 127.0.0.1:9093', ''),
    plain('kafka:9092', '').replace('plain', 'scram-sha-256'),
  ]) {
    const { kafka } = config(text);
    assert.equal(kafka?.sasl?.password.reveal(), 'hunter2');
    assert.deepEqual(Object.keys(kafka?.sasl ?? {}), ['mechanism', 'username', 'password']);
    assert.ok(!JSON.stringify(kafka).includes('hunter2'));
  }
  // TLS that cannot be read is one problem, not two.
  assert.deepEqual(places(plain('kafka:9092', ', tls: { enabled: maybe }')), ['kafka.tls.enabled']);
});

test('a server store needs an address; its own settings belong to no other type', () => {
  assert.deepEqual(told(withStore('type: server')), [
    ['store.url', 'is missing: type server needs an address', 'url: http://clickhouse:8123'],
  ]);
  const all = 'url: https://a, database: b, username: c, password: "${env:P}", allow_plaintext_password: true, tls: {}';
  for (const type of ['type: none, ', 'type: embedded, ', '']) {
    assert.deepEqual(
      told(`store: { ${type}${all}, cluster: d }`).map(([path, , fix]) => [path, fix]),
      ['url', 'database', 'username', 'password', 'allow_plaintext_password', 'tls', 'cluster'].map((name) => [
        `store.${name}`,
        `type: server, or remove ${name}`,
      ]),
    );
  }
  assert.deepEqual(places(withStore('type: server, url: https://a, memory_limit: 1GiB')), ['store.memory_limit']);
});

test('a server store may be used in either mode, and comes with its defaults', () => {
  const server = {
    type: 'server',
    url: 'http://ch:8123',
    database: 'gatewatch',
    username: 'default',
    password: null,
    tls: null,
    cluster: null,
    memory_limit: { bytes: 1024 ** 3 },
    events_days: 30,
    evidence_days: 90,
    decisions_days: 400,
  };
  assert.deepEqual(config('store: { type: server, url: "http://ch:8123" }').store, server);
  const more =
    'type: server, url: "https://ch:8443", cluster: main, database: gw, username: u, tls: {}, events_days: 7';
  assert.deepEqual(config(withStore(more)).store, {
    ...{ ...server, url: 'https://ch:8443', cluster: 'main', database: 'gw', username: 'u', events_days: 7 },
    tls: { ca: null, cert: null, key: null },
  });
  const cases: [string, string][] = [
    ['url: "https://a", database: "9x"', 'database: gatewatch'],
    ['url: "https://a", cluster: "a b"', 'cluster: a-b'],
    ['url: ch', 'url: http://ch'],
  ];
  for (const [inside, fix] of cases) {
    assert.deepEqual(
      told(withStore(`type: server, ${inside}`)).map(([, , written]) => written),
      [fix],
    );
  }
});

test('a password of the store is not sent over the network as it is unless that is said', () => {
  const store = (url: string, more = '') => withStore(`type: server, url: "${url}", password: "\${env:P}"${more}`);
  const [problem, ...others] = refused(store('http://ch:8123'), env);
  assert.deepEqual([problem?.path, others], ['store.url', []]);
  assert.equal(problem?.fix, 'url: https://ch:8443, or allow_plaintext_password: true (below store)');
  for (const text of [
    store('https://ch:8443'),
    store('http://localhost:8123'),
    store('http://[::1]:8123'),
    store('http://ch:8123', ', allow_plaintext_password: true'),
  ]) {
    const settled = config(text).store;
    assert.ok(settled.type === 'server' && settled.password?.reveal() === 'hunter2');
    assert.ok(!('allow_plaintext_password' in settled));
  }
  assert.deepEqual(
    told(withStore('type: server, url: "http://ch:8123", tls: {}')).map(([path, , fix]) => [path, fix]),
    [['store.url', 'url: https://ch:8443, or remove tls']],
  );
});

test('a source of a topic has its defaults, and must name topic and format', () => {
  const sources = (inside: string) => `${REST}${KAFKA}\n${STORE}\nsources: [${inside}]`;
  assert.deepEqual(config(sources('{ type: kafka, name: a, topic: raw.logs, format: json }')).sources, [
    {
      ...{ type: 'kafka', name: 'a', topic: 'raw.logs', format: 'json', from: 'beginning', partitions: 8 },
      ...{ retention: { ms: 604_800_000 }, trusted_proxies: [] },
    },
  ]);
  const cases: [string, string, string][] = [
    ['topic: t', 'sources[0].format', 'format: json'],
    ['topic: t, format: auto', 'sources[0].format', 'format: json'],
    ['format: json', 'sources[0].topic', 'topic: access-logs'],
    ['format: json, topic: "my logs"', 'sources[0].topic', 'topic: my-logs'],
    ['format: json, topic: ..', 'sources[0].topic', 'topic: access-logs'],
    [`format: json, topic: ${'x'.repeat(250)}`, 'sources[0].topic', `topic: ${'x'.repeat(63)}`],
    ['format: json, topic: t, path: /x', 'sources[0].path', 'type: file, or remove path'],
    ['format: json, topic: t, partitions: 257', 'sources[0].partitions', 'partitions: 256'],
    ['format: json, topic: t, retention: 5m', 'sources[0].retention', 'retention: 1h'],
    ['format: nginx, topic: t, mapping: { path: p, time: { path: t, unit: s, basis: end } }', 'sources[0].mapping', ''],
  ];
  for (const [inside, path, fix] of cases) {
    const [problem, ...more] = refused(sources(`{ type: kafka, name: a, ${inside} }`), env);
    assert.deepEqual([problem?.path, more], [path, []], inside);
    if (fix !== '') assert.equal(problem?.fix, fix, inside);
  }
  const [problem] = refused('sources: [{ type: http, name: a, topic: t }]');
  assert.equal(problem?.fix, 'type: kafka, or remove topic');
});

test("topics are read once each, and the program's own are not", () => {
  const text = `${REST}${STORE}
kafka: { brokers: [kafka:9092], topic_prefix: gw }
sources:
  - { type: kafka, name: a, format: json, topic: one }
  - { type: kafka, name: b, format: json, topic: two }
  - { type: kafka, name: c, format: nginx, topic: one }
  - { type: kafka, name: d, format: json, topic: gw.events.v1 }
  - { type: kafka, name: e, format: json, topic: gwx }
`;
  assert.deepEqual(
    refused(text, env).map(({ line, path, message }) => [line, path, message]),
    [
      [8, 'sources[2].topic', 'sources[0] reads this topic already'],
      [9, 'sources[3].topic', "topics that begin with gw. are the program's own"],
    ],
  );
});

test('a checkpoint is saved every 10 seconds embedded and every minute distributed, unless it is written', () => {
  const distributed = `${REST}${KAFKA}\n${STORE}\n`;
  assert.deepEqual(config('').checkpoint, { interval: { ms: 10_000 }, events: 500_000 });
  assert.deepEqual(config(distributed).checkpoint, { interval: { ms: 60_000 }, events: 500_000 });
  assert.deepEqual(config(`${distributed}checkpoint: { events: 5000 }`).checkpoint, {
    interval: { ms: 60_000 },
    events: 5000,
  });
  assert.deepEqual(config(`${distributed}checkpoint: { interval: 10s }`).checkpoint.interval, { ms: 10_000 });
});

test('files and the listener are sources in distributed mode too', () => {
  const text = `${REST}${KAFKA}\n${STORE}\nsources: [{ type: file, name: a, path: /x }, { type: http, name: b }]`;
  assert.deepEqual(
    accepted(text, env, NO_FILE).sources.map(({ type }) => type),
    ['file', 'http'],
  );
});
