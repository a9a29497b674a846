import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isMap, isSeq, parseDocument } from 'yaml';
import type { Shape } from '../../config/kinds.ts';
import { ConfigSchema } from '../../config/schema.ts';
import { checkConfig } from '../../config.ts';

const text = readFileSync(join(import.meta.dirname, '..', '..', '..', 'gatewatch.example.yaml'), 'utf8');
const env = { GATEWATCH_INGEST_TOKEN: 'x'.repeat(32), GATEWATCH_PSEUDONYM_KEY: 'ab'.repeat(32) };

test('the example loads without problems', () => {
  const result = checkConfig(text, 'gatewatch.example.yaml', env);
  assert.ok('config' in result, JSON.stringify(result));
  assert.equal(result.config.sources.length, 2);
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

test('the example shows every setting that there is', () => {
  const shown = new Set(written(parseDocument(text).contents, ''));
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
