import assert from 'node:assert/strict';
import { test } from 'node:test';
import { detectFormat } from '../../../ingest/formats/detect.ts';
import { FORMAT_NAMES, formatByName } from '../../../ingest/formats/registry.ts';
import { readSampleLines } from './read-samples.ts';

const formats = FORMAT_NAMES.map((name) => formatByName(name));
const detect = (lines: readonly string[]) => detectFormat(lines, formats);
const combined = (second: number, rest = '"GET /x HTTP/1.1" 200 17 "-" "x"') =>
  `192.0.2.1 - - [07/Apr/2025:18:42:${second} +0000] ${rest}`;

test('the samples of a server are recognised as that server', () => {
  assert.equal(detect(readSampleLines('apache.log')).format?.name, 'apache');
  assert.equal(detect(readSampleLines('nginx.log')).format?.name, 'nginx');
  assert.equal(detect(readSampleLines('json.log')).format?.name, 'json');
  const produced = detect(readSampleLines('nginx-combined-produced.log'));
  assert.equal(produced.format?.name, 'nginx');
  assert.equal(produced.share, 1);
});

test('times that go back show start times, hence Apache', () => {
  const { format, explanation } = detect([combined(30), combined(35), combined(31), combined(36)]);
  assert.equal(format?.name, 'apache');
  assert.match(explanation, /goes back in 1 lines/);
});

test('without any sign NGINX is assumed, and the explanation says that it is an assumption', () => {
  const { format, explanation } = detect([combined(30), combined(31), combined(31)]);
  assert.equal(format?.name, 'nginx');
  assert.match(explanation, /assumption/);
});

test('what only one server writes decides, and is named', () => {
  const size = detect([combined(30), combined(31, '"GET /x HTTP/1.1" 304 -')]);
  assert.equal(size.format?.name, 'apache');
  assert.match(size.explanation, /a size written "-"/);
  const quoted = detect([combined(30), combined(31, '"GET /x HTTP/1.1" 200 5 "-" "say \\x22hi\\x22"')]);
  assert.equal(quoted.format?.name, 'nginx');
  assert.match(quoted.explanation, /x22/);
});

test('companion lines are passed over and do not count against a format', () => {
  const error = '2025/04/01 12:02:36 [error] 29#29: *5 connect() failed';
  const { format, share, attempts } = detect([error, error, error, combined(30)]);
  assert.equal(format?.name, 'nginx');
  assert.equal(share, 1);
  assert.equal(attempts[0]?.passedOver, 3);
});

test('when no format reads half of the lines none is chosen, and the reasons are given', () => {
  const secret = 'token=abcdef';
  const { format, explanation } = detect([combined(30), `free text ${secret}`, 'more text', 'a third']);
  assert.equal(format, null);
  assert.match(explanation, /nginx reads 1 of 4 \(not a common or combined log line\)/);
  assert.match(explanation, /json reads 0 of 4/);
  assert.ok(!explanation.includes(secret));
});

test('an empty source has no format', () => {
  assert.equal(detect([]).format, null);
  assert.match(detect(['', ' ']).explanation, /no line/);
});

test('only the first hundred lines decide', () => {
  const lines = [...Array.from({ length: 100 }, () => combined(30)), ...Array.from({ length: 900 }, () => '{"a":1}')];
  assert.equal(detect(lines).format?.name, 'nginx');
});
