// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how secrets are named in settings

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkMapping, checkPolicy, readConfig, readMapping, readPolicy } from '../config.ts';
import { DEFAULT_POLICY } from '../schemas/policy.ts';
import { accepted, NO_FILE, refused } from './config/settings.ts';

const TOKEN = 'a-token-of-enough-characters';

test('an empty file gives the documented defaults', () => {
  for (const text of ['', '# nothing\n', '---\n', 'sources:\nlisten:\n  port:\n']) {
    assert.deepEqual(accepted(text), {
      tenant: 'default',
      data_directory: './gatewatch-data',
      mode: 'embedded',
      log_level: 'info',
      sources: [],
      trusted_proxies: [],
      listen: { host: '127.0.0.1', port: 7407 },
      log: { cap_bytes: { bytes: 4 * 1024 ** 3 }, retention: { ms: 24 * 3_600_000 }, durability: 'default' },
      store: {
        type: 'embedded',
        memory_limit: { bytes: 1024 ** 3 },
        events_days: 30,
        evidence_days: 90,
        decisions_days: 400,
      },
      kafka: null,
      policy: DEFAULT_POLICY,
      checkpoint: { interval: { ms: 10_000 }, events: 500_000 },
      limits: { line_max_bytes: { bytes: 64 * 1024 } },
    });
  }
});

test('two results do not share their defaults', () => {
  const [a, b] = [accepted(''), accepted('')];
  assert.notEqual(a.sources, b.sources);
  assert.notEqual(a.policy.ladder, b.policy.ladder);
  assert.notEqual(a.policy.ladder, DEFAULT_POLICY.ladder);
});

test('a source has its own trusted proxies, or those of the top', () => {
  const config = accepted(`trusted_proxies: [10.0.0.0/8]
sources:
  - { name: a, type: http }
  - { name: b, type: http, trusted_proxies: [192.0.2.7] }
  - { name: c, type: http, trusted_proxies: [] }
`);
  assert.deepEqual(
    config.sources.map((source) => source.trusted_proxies),
    [['10.0.0.0/8'], ['192.0.2.7/32'], []],
  );
});

test('relative paths count from the folder of the file, absolute ones and the default stay', () => {
  const text = `sources:
  - { name: a, type: file, path: logs/a.log }
  - { name: b, type: file, path: /var/log/b.log }
`;
  const config = accepted(text, {}, NO_FILE, '/etc/gw/gw.yaml');
  assert.deepEqual(
    config.sources.map((source) => source.type === 'file' && source.path),
    ['/etc/gw/logs/a.log', '/var/log/b.log'],
  );
  assert.equal(config.data_directory, './gatewatch-data');
  assert.equal(accepted('data_directory: data', {}, NO_FILE, '/etc/gw/gw.yaml').data_directory, '/etc/gw/data');
  assert.equal(accepted('data_directory: data').data_directory, 'data');
});

test('a policy may stand in a file of its own; its problems name that file', () => {
  const files = (path: string): string => {
    if (path === '/etc/gw/p.yaml') return 'mode: enforce\nversion: 7\n';
    if (path === '/etc/gw/bad.yaml') return 'version: 1\nmode: enforced\n';
    return NO_FILE(path);
  };
  const config = accepted('policy: p.yaml', {}, files, '/etc/gw/gw.yaml');
  assert.deepEqual(config.policy, { ...DEFAULT_POLICY, mode: 'enforce', version: 7 });
  const [problem] = refused('policy: bad.yaml', {}, files, '/etc/gw/gw.yaml');
  assert.deepEqual(
    [problem?.file, problem?.line, problem?.column, problem?.path, problem?.fix],
    ['/etc/gw/bad.yaml', 2, 7, 'mode', 'mode: enforce'],
  );
  assert.match(refused('policy: none.yaml', {}, files, '/etc/gw/gw.yaml')[0]?.message ?? '', /ENOENT.*none\.yaml/);
});

test('a policy is taken with the values that are written, and the ladder must rise', () => {
  const result = checkPolicy('ladder: { throttle: 12 }\nreversible: step_up\n', 'p.yaml');
  assert.ok('policy' in result);
  assert.deepEqual(result.policy, {
    ...DEFAULT_POLICY,
    reversible: 'step_up',
    ladder: { ...DEFAULT_POLICY.ladder, throttle: 12 },
  });
  const falling = checkPolicy('ladder:\n  observe: 10\n  notify: 9\n', 'p.yaml');
  assert.ok('problems' in falling);
  assert.deepEqual(
    falling.problems.map(({ line, path }) => [line, path]),
    [[3, 'ladder.notify']],
  );
});

test('a mapping file is checked like a mapping in the settings', () => {
  const good = checkMapping('time: { path: [ts, "@timestamp"], unit: auto, basis: end }\npath: url\n', 'm.yaml');
  assert.ok('mapping' in good);
  assert.deepEqual(good.mapping, { time: { path: ['ts', '@timestamp'], unit: 'auto', basis: 'end' }, path: 'url' });
  const empty = checkMapping('', 'm.yaml');
  assert.ok('problems' in empty);
  assert.deepEqual(
    empty.problems.map(({ message }) => message.slice(0, 12)),
    ['is missing', 'says neither'],
  );
  const broken = checkMapping('time:\n\tpath: t\n', 'm.yaml');
  assert.ok('problems' in broken);
  assert.deepEqual(
    broken.problems.map(({ line }) => line),
    [2],
  );
});

test('files are read from disk; one that cannot be read is a problem and not a crash', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gatewatch-config-'));
  try {
    const file = (name: string, text: string): string => {
      writeFileSync(join(directory, name), text);
      return join(directory, name);
    };
    file('token', `${TOKEN}\n`);
    file('policy.yaml', 'version: 3\n');
    const config = readConfig(
      file('gw.yaml', `policy: policy.yaml\nlisten: { ingest_token: "\${file:${directory}/token}" }\n`),
    );
    assert.ok('config' in config, JSON.stringify(config));
    assert.equal(config.config.policy.version, 3);
    assert.equal(config.config.listen.ingest_token?.reveal(), TOKEN);
    for (const read of [readConfig, readPolicy, readMapping]) {
      const missing = read(join(directory, 'none.yaml'));
      assert.ok('problems' in missing);
      assert.match(missing.problems[0]?.message ?? '', /ENOENT/);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('without a name gatewatch.yaml of the working directory is read when it is there, with the environment of the process', () => {
  const before = process.cwd();
  const directory = mkdtempSync(join(tmpdir(), 'gatewatch-config-'));
  try {
    process.chdir(directory);
    const defaults = readConfig(null);
    assert.deepEqual('config' in defaults && defaults.config, accepted(''));
    writeFileSync('gatewatch.yaml', 'tenant: shop\nlisten: { ingest_token: "${env:GATEWATCH_TEST_TOKEN}" }\n');
    process.env.GATEWATCH_TEST_TOKEN = TOKEN;
    const found = readConfig(null);
    assert.ok('config' in found);
    assert.equal(found.config.tenant, 'shop');
    assert.equal(found.config.listen.ingest_token?.reveal(), TOKEN);
  } finally {
    process.chdir(before);
    rmSync(directory, { recursive: true });
  }
});
