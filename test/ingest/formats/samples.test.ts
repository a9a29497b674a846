import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClientAddress } from '../../../ingest/client-address.ts';
import { explainOutcome } from '../../../ingest/explain.ts';
import { formatByName } from '../../../ingest/formats/registry.ts';
import { readSample, readSampleLines } from './read-samples.ts';

/**
 * Files of lines with, line by line, what is to be read of them. apache, nginx and json are written by hand from the
 * servers' documentation; the produced ones were logged by a real NGINX and read by samples/make.py, which shares nothing
 * with the parsers.
 */
const SAMPLES = [
  { file: 'apache', format: 'apache', mapping: null },
  { file: 'nginx', format: 'nginx', mapping: null },
  { file: 'json', format: 'json', mapping: null },
  { file: 'nginx-combined-produced', format: 'nginx', mapping: null },
  { file: 'nginx-produced', format: 'json', mapping: 'nginx-produced.mapping.json' },
] as const;

const clear = {
  show: ({ value }: { value: string }) => value,
  redactPath: (path: string) => path,
  redactQuery: (query: string) => query,
};
const trustsNobody = createClientAddress([]);
const trustsPrivate = createClientAddress(['private_ranges']);

for (const { file, format: name, mapping } of SAMPLES) {
  test(`every line of the sample ${file} is read as expected`, () => {
    const format = formatByName(name, mapping === null ? {} : { mapping: JSON.parse(readSample(mapping)) });
    const lines = readSampleLines(`${file}.log`);
    const expected = readSampleLines(`${file}.expected.ndjson`).map((text) => JSON.parse(text));
    assert.equal(expected.length, lines.length);
    for (const { line, note: _, client_ip_private_trusted: behindProxies, ...wanted } of expected) {
      const text = lines[line - 1] ?? '';
      const { why, ...got } = explainOutcome(format.parse(text), { ...clear, clientAddress: trustsNobody });
      assert.deepEqual(got, wanted, `${file} line ${line}`);
      if (got.skip === true || got.malformed === true) assert.ok(typeof why === 'string' && why !== '');
      if (behindProxies !== undefined) {
        const trusting = explainOutcome(format.parse(text), { ...clear, clientAddress: trustsPrivate });
        assert.equal(trusting.client_ip, behindProxies, `${file} line ${line}`);
      }
    }
  });
}

test('the combined and the JSON log of the same requests tell the same story', () => {
  const combined = formatByName('nginx');
  const json = formatByName('json', { mapping: JSON.parse(readSample('nginx-produced.mapping.json')) });
  const pairs = readSampleLines('nginx-produced.log').map((line, i) => {
    const other = combined.parse(readSampleLines('nginx-combined-produced.log')[i] ?? '');
    return [json.parse(line), other] as const;
  });
  for (const [a, b] of pairs) {
    assert.ok(a.type === 'ok' && b.type === 'ok');
    for (const field of [
      'method',
      'path',
      'query',
      'status',
      'responseBytes',
      'peer',
      'userAgent',
      'clientAborted',
    ] as const) {
      assert.equal(a.value[field], b.value[field]);
    }
    assert.equal(Math.floor(a.value.timeMs / 1000), b.value.timeMs / 1000);
  }
});
