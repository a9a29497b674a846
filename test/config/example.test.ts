// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how secrets are named in settings

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isMap, isSeq, parseDocument } from 'yaml';
import type { Shape } from '../../config/kinds.ts';
import { ConfigSchema } from '../../config/schema.ts';
import { checkConfig } from '../../config.ts';
import { NO_FILE } from './settings.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const text = readFileSync(join(root, 'gatewatch.example.yaml'), 'utf8');
const distributed = readFileSync(join(root, 'examples', 'distributed', 'gatewatch.yaml'), 'utf8');
const env = {
  GATEWATCH_INGEST_TOKEN: 'x'.repeat(32),
  GATEWATCH_PSEUDONYM_KEY: 'ab'.repeat(32),
  GATEWATCH_STORE_PASSWORD: 'store',
  GATEWATCH_KAFKA_PASSWORD: 'kafka',
};
const MINIMAL = `mode: distributed
kafka: { brokers: [kafka:9092] }
store: { type: server, url: http://clickhouse:8123 }
pseudonym_key: "\${env:GATEWATCH_PSEUDONYM_KEY}"
`;

test('the example loads without problems', () => {
  const result = checkConfig(text, 'gatewatch.example.yaml', env);
  assert.ok('config' in result, JSON.stringify(result));
  assert.equal(result.config.sources.length, 2);
});

/** The text with the settings that are switched off (# and no blank) switched on. */
function switchedOn(yaml: string): string {
  return yaml.replace(/^( *)#(?=[a-z_]+:)/gm, '$1');
}

test('the distributed example loads as it is, reads no file, and needs what it names from the environment', () => {
  const result = checkConfig(distributed, 'gatewatch.yaml', env, NO_FILE);
  assert.ok('config' in result, JSON.stringify(result));
  assert.equal(result.config.store.type, 'server');
  const without = checkConfig(distributed, 'gatewatch.yaml', {}, NO_FILE);
  assert.deepEqual('problems' in without && without.problems.map(({ path }) => path), [
    'listen.ingest_token',
    'pseudonym_key',
    'store.password',
  ]);
});

test('what is switched off in the distributed example may be switched on', () => {
  const result = checkConfig(switchedOn(distributed), 'gatewatch.yaml', env, NO_FILE);
  // Certificates are for https, and there are no files here: that, and nothing else, is missing.
  assert.deepEqual('problems' in result && result.problems.map(({ path }) => path), [
    ...['kafka.tls.ca_file', 'kafka.tls.cert_file', 'kafka.tls.key_file'],
    ...['store.url', 'store.tls.ca_file', 'store.tls.cert_file', 'store.tls.key_file'],
  ]);
});

/** Paths of all settings that the schema knows, list entries as []. */
function settings(shape: Shape, path: string): string[] {
  if (shape.kind !== undefined) return [path];
  if (shape.anyOf !== undefined) return shape.anyOf.flatMap((choice) => settings(choice, path));
  if (shape.items !== undefined) return [path, ...settings(shape.items, `${path}[]`)];
  const inside = Object.entries(shape.properties ?? {});
  return [path, ...inside.flatMap(([name, property]) => settings(property, path === '' ? name : `${path}.${name}`))];
}

/** Paths of all settings that are written. */
function written(node: unknown, path: string): string[] {
  if (isSeq(node)) return [path, ...node.items.flatMap((item) => written(item, `${path}[]`))];
  if (!isMap(node)) return [path];
  const inside = node.items.flatMap(({ key, value }) =>
    written(value, path === '' ? String(key) : `${path}.${String(key)}`),
  );
  return [path, ...inside];
}

test('the two examples show every setting that there is', () => {
  const shown = new Set([text, switchedOn(distributed)].flatMap((yaml) => written(parseDocument(yaml).contents, '')));
  const missing = [...new Set(settings(ConfigSchema as Shape, ''))].filter((path) => !shown.has(path));
  // Lists of texts, times and latencies are alternatives to the form that is shown, and so is a condition's `startsWith`.
  const isAlternative = (path: string): boolean => /(\[\]|when\.startsWith)$|(time|latency)\[\]/.test(path);
  assert.deepEqual(
    missing.filter((path) => !isAlternative(path)),
    [],
  );
});

test('outside sources, proxies and secrets the example holds the defaults', () => {
  const result = checkConfig(text, 'gatewatch.example.yaml', env);
  const defaults = checkConfig('', 'gatewatch.example.yaml', {});
  assert.ok('config' in result && 'config' in defaults);
  const { sources, trusted_proxies, listen, pseudonym_key, data_directory, ...rest } = result.config;
  const { sources: _, trusted_proxies: __, listen: usual, data_directory: folder, ...others } = defaults.config;
  assert.deepEqual(rest, others);
  assert.deepEqual([listen.host, listen.port], [usual.host, usual.port]);
  assert.equal(join(data_directory), join(folder));
  assert.ok(sources.length > 0 && trusted_proxies.length > 0 && pseudonym_key !== undefined);
});

test('outside sources, places, the listener and secrets the distributed example holds the defaults', () => {
  const result = checkConfig(distributed, 'gatewatch.yaml', env);
  const defaults = checkConfig(MINIMAL, 'gatewatch.yaml', env);
  assert.ok('config' in result && 'config' in defaults);
  const { sources, listen, pseudonym_key, data_directory, store, ...rest } = result.config;
  const { sources: _, listen: __, pseudonym_key: ___, data_directory: ____, store: usual, ...others } = defaults.config;
  assert.deepEqual(rest, others);
  assert.ok(store.type === 'server' && store.password?.reveal() === 'store');
  assert.deepEqual({ ...store, username: 'default', password: null }, usual);
  const [source] = sources;
  assert.deepEqual(source, {
    ...{ type: 'kafka', name: 'gateway', topic: 'access-logs', format: 'json', from: 'beginning', partitions: 8 },
    ...{ retention: { ms: 7 * 86_400_000 }, trusted_proxies: [] },
  });
  assert.ok(pseudonym_key !== undefined && listen.host === '0.0.0.0' && data_directory !== '');
});
