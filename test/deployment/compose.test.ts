import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { Check } from 'typebox/schema';
import { parse } from 'yaml';
import { parseArguments } from '../../cli/parse-arguments.ts';
import { checkConfig } from '../../config.ts';

interface Service {
  readonly image: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly ports?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly read_only?: boolean;
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const root = join(import.meta.dirname, '..', '..', '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const compose = parse(read('docker-compose.yml'), { merge: true }) as Compose;
const OURS = ['ingest', 'core', 'serve'] as const;
const ours = OURS.map((name) => [name, compose.services[name] as Service] as const);

/** Variables that a text asks for, `${NAME}` and `${NAME:?why}`. */
const variables = (text: string) =>
  new Set([...text.matchAll(/\$\{([A-Z_]+)(?::\?[^}]*)?\}/g)].map(([, name]) => name));

test('the compose file fits the schema of the Compose Specification, which refuses what it does not know', () => {
  const schema = JSON.parse(read('test/deployment/vectors/compose-spec.json'));
  assert.ok(Check(schema, compose));
  const { kafka } = compose.services;
  assert.ok(!Check(schema, { services: { kafka: { ...kafka, helthcheck: {} } } }));
  assert.ok(!Check(schema, { services: { kafka: { ...kafka, ports: [{ published: [] }] } } }));
  assert.ok(!Check(schema, { services: { kafka: { ...kafka, restart: 1 } } }));
});

test('the three processes together have each role once, by a command line that the program takes', () => {
  const roles = ours.flatMap(([name, service]) => {
    const command = parseArguments(service.command ?? []);
    assert.equal(command.command, 'run', name);
    assert.ok(command.command === 'run');
    assert.equal(command.config, '/etc/gatewatch/gatewatch.yaml');
    assert.deepEqual(command.roles, [name]);
    return command.roles;
  });
  assert.deepEqual(roles, [...OURS]);
});

test('every file that is mounted is there, and every named volume is declared and used', () => {
  const used = new Set<string>();
  for (const { volumes } of Object.values(compose.services)) {
    for (const volume of volumes) {
      const [from = '', to = ''] = volume.split(':');
      assert.ok(to.startsWith('/'), volume);
      if (from.startsWith('.')) assert.ok(statSync(resolve(root, from)).isFile(), volume);
      else used.add(from);
    }
  }
  assert.deepEqual([...used].sort(), Object.keys(compose.volumes).sort());
});

test('the settings that are mounted have no problem with the variables that the compose file hands in, and no others', () => {
  const settings = read('examples/distributed/gatewatch.yaml');
  const needed = new Set([...settings.matchAll(/^[^#\n]*\$\{env:([A-Z_]+)\}/gm)].map(([, name]) => name as string));
  for (const [name, { environment }] of ours) assert.deepEqual(new Set(Object.keys(environment)), needed, name);
  const env = Object.fromEntries([...needed].map((name) => [name, 'ab'.repeat(32)]));
  const result = checkConfig(settings, 'examples/distributed/gatewatch.yaml', env);
  assert.ok('config' in result, JSON.stringify(result));
  const { config } = result;
  assert.equal(config.mode, 'distributed');
  assert.ok(ours.every(([, { volumes }]) => volumes.some((volume) => volume.endsWith(`:${config.data_directory}`))));
  // Each side's address is the other's: service, port, user, database.
  assert.deepEqual(config.kafka?.brokers, ['kafka:9092']);
  assert.match(compose.services.kafka?.environment.KAFKA_ADVERTISED_LISTENERS ?? '', /^INTERNAL:\/\/kafka:9092,/);
  assert.ok(config.store.type === 'server');
  assert.equal(config.store.url, 'http://clickhouse:8123');
  const { CLICKHOUSE_DB, CLICKHOUSE_USER } = compose.services.clickhouse?.environment ?? {};
  assert.deepEqual([config.store.database, config.store.username], [CLICKHOUSE_DB, CLICKHOUSE_USER]);
  for (const port of ours.flatMap(([, { ports }]) => ports ?? [])) assert.ok(port.endsWith(`:${config.listen.port}`));
});

test('no secret stands in the files: each is a variable that must be given, and .env.example names all of them blank', () => {
  const text = read('docker-compose.yml');
  const example = read('.env.example')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  for (const line of example) assert.match(line, /^[A-Z_]+=$/);
  assert.deepEqual(new Set(example.map((line) => line.slice(0, -1))), variables(text));
  assert.doesNotMatch(text, /\$\{[A-Z_]+\}/, 'a variable that may be missing');
  for (const [name, { environment }] of Object.entries(compose.services)) {
    for (const [variable, value] of Object.entries(environment)) {
      if (/PASSWORD|TOKEN|SECRET|_KEY/.test(variable)) assert.match(value, /^\$\{[A-Z_]+:\?/, `${name}: ${variable}`);
    }
  }
});

test('images are pinned to one version, and ours is built here', () => {
  for (const { image } of Object.values(compose.services)) assert.match(image, /^[a-z/-]+:\d+\.\d+\.\d+/);
  const { version } = JSON.parse(read('package.json'));
  for (const [, service] of ours) {
    assert.deepEqual([service.image, service.build], [`gatewatch:${version}`, '.']);
    assert.equal(service.read_only, true);
  }
});

test('ports are bound to this machine', () => {
  const ports = Object.values(compose.services).flatMap((service) => service.ports ?? []);
  assert.ok(ports.length > 0);
  for (const port of ports) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/);
  const published = ports.map((port) => port.split(':')[1]);
  assert.equal(new Set(published).size, published.length);
});

test('ours start when Kafka and ClickHouse say that they are well', () => {
  for (const [name, { depends_on }] of ours) {
    for (const other of ['kafka', 'clickhouse']) {
      assert.equal(depends_on?.[other]?.condition, 'service_healthy', name);
      assert.equal(compose.services[other]?.healthcheck?.test[0], 'CMD');
    }
  }
});
