import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accepted, refused } from './settings.ts';

test('a fault of the notation is told with its line and in words, and nothing is made up about the rest', () => {
  const cases: [string, number, number, RegExp][] = [
    ['tenant: a\n\tmode: embedded\n', 2, 1, /tab/],
    ['tenant: a\ntenant: b\n', 2, 1, /twice/],
    ['tenant: a: b\n', 1, 9, /two keys/],
    ['tenant\nmode: embedded\n', 1, 1, /no key/],
    ['tenant: a\n---\ntenant: b\n', 2, 1, /second document/],
    ['tenant: !secret a\n', 1, 9, /tags/],
    ['tenant: *a\n', 1, 9, /no anchor/],
    ['- a\n', 1, 1, /must be a map/],
    ['tenant\n', 1, 1, /must be a map/],
  ];
  for (const [text, line, column, message] of cases) {
    const [problem, ...more] = refused(text);
    assert.deepEqual([problem?.line, problem?.column], [line, column], text);
    assert.match(problem?.message ?? '', message, text);
    assert.deepEqual(more, [], text);
  }
});

test('anchors may be used, and one that contains itself does not hang', () => {
  const config = accepted('trusted_proxies: &t [loopback]\nsources:\n - {type: http, name: a, trusted_proxies: *t}\n');
  assert.deepEqual(config.sources[0]?.trusted_proxies, ['127.0.0.0/8', '::1/128']);
  refused('listen: &l\n  port: *l\n  listen: *l\n');
});

test('places are right behind a fault too, and with line ends of either kind', () => {
  // The comma is what does not fit: the seventh character of the second line.
  for (const end of ['\n', '\r\n']) {
    const last = refused(`*a{tenant${end}tenant,`).at(-1);
    assert.deepEqual([last?.line, last?.column], [2, 7]);
  }
});
