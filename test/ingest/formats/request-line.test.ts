import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyRecord } from '../../../ingest/formats/format.ts';
import { hostName } from '../../../ingest/formats/host-name.ts';
import { readRequestLine } from '../../../ingest/formats/request-line.ts';

function read(line: string) {
  const record = emptyRecord();
  readRequestLine(`"${line}"`, 1, line.length + 1, record);
  const { method, path, query, host, badRequestLine } = record;
  return badRequestLine ? 'bad' : [method, path, query, host];
}

test('the forms of a request target (RFC 9112, 3.2) are read', () => {
  assert.deepEqual(read('GET /a/b?c=d?e HTTP/1.1'), ['GET', '/a/b', 'c=d?e', null]);
  assert.deepEqual(read('GET /a? HTTP/2'), ['GET', '/a', '', null]);
  assert.deepEqual(read('GET //x/%2e%2e/y#z HTTP/3.0'), ['GET', '//x/%2e%2e/y#z', null, null]);
  assert.deepEqual(read('OPTIONS * HTTP/1.1'), ['OPTIONS', '*', null, null]);
  assert.deepEqual(read('CONNECT Example.com:443 HTTP/1.1'), ['CONNECT', null, null, 'example.com']);
  assert.deepEqual(read('GET HTTP://u:p@Example.com:80/a?b HTTP/1.1'), ['GET', '/a', 'b', 'example.com']);
  assert.deepEqual(read('GET https://example.com?b HTTP/1.1'), ['GET', '/', 'b', 'example.com']);
  assert.deepEqual(read('GET https://[2001:DB8::1]:8443 HTTP/1.1'), ['GET', '/', null, '[2001:db8::1]']);
});

test('a version may be missing and a target may hold blanks', () => {
  assert.deepEqual(read('GET /a'), ['GET', '/a', null, null]);
  assert.deepEqual(read('GET /a b HTTP/1.0'), ['GET', '/a b', null, null]);
});

test('methods that are tokens are kept as sent', () => {
  for (const method of [
    'GET',
    'PUT',
    'POST',
    'HEAD',
    'PATCH',
    'TRACE',
    'DELETE',
    'OPTIONS',
    'geti',
    'PURGE',
    'M-SEARCH',
    'VERSION-CONTROL',
  ]) {
    assert.deepEqual(read(`${method} / HTTP/1.1`), [method, '/', null, null]);
  }
});

test('what is no HTTP request is a bad request line, with nothing read of it', () => {
  for (const line of [
    '',
    '-',
    ' ',
    'GET',
    'GET ',
    'GET  HTTP/1.1',
    'GET HTTP/1.1',
    ' / HTTP/1.1',
    '\u0016\u0003\u0001 / HTTP/1.1',
    'G(T / HTTP/1.1',
    `${'A'.repeat(33)} / HTTP/1.1`,
    'GET x HTTP/1.1',
    'OPTIONS sip:nm SIP/2.0',
    'GET gopher://x/ HTTP/1.1',
    'SSH-2.0-Go',
    't3 12.2.1',
  ]) {
    assert.equal(read(line), 'bad', line);
  }
});

test('the host of an absolute target does not replace a known one', () => {
  const record = emptyRecord();
  record.host = 'known.example.com';
  const line = 'GET http://other.example.com/ HTTP/1.1';
  readRequestLine(line, 0, line.length, record);
  assert.equal(record.host, 'known.example.com');
});

test('a host is lower case without port', () => {
  assert.equal(hostName('API.Example.com:8443'), 'api.example.com');
  assert.equal(hostName('api.example.com'), 'api.example.com');
  assert.equal(hostName('[2001:DB8::1]:80'), '[2001:db8::1]');
  assert.equal(hostName('2001:DB8::1'), '2001:db8::1');
  for (const none of ['', '-', '_', ':80', '[', '[]']) assert.equal(hostName(none), null, none);
});
