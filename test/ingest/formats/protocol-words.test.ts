import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grpcStatusOf, tlsVersionOf } from '../../../ingest/formats/protocol-words.ts';

test('TLS versions of all gateways become one spelling', () => {
  for (const text of ['TLSv1.3', 'TLS 1.3', '1.3', '772', 'tlsv1.3', 'TLSv1_3'])
    assert.equal(tlsVersionOf(text), '1.3');
  for (const text of ['TLSv1.2', '771']) assert.equal(tlsVersionOf(text), '1.2');
  assert.equal(tlsVersionOf('TLSv1'), '1.0');
  for (const text of ['none', 'NONE', '', 'TLSv9', 'x'.repeat(1000)]) assert.equal(tlsVersionOf(text), null);
});

test('gRPC status codes are read as numbers and as names', () => {
  // grpc.io, status codes.
  const codes = { OK: 0, Canceled: 1, CANCELLED: 1, PermissionDenied: 7, PERMISSION_DENIED: 7, Unauthenticated: 16 };
  for (const [name, code] of Object.entries(codes)) {
    assert.equal(grpcStatusOf(name), code);
    assert.equal(grpcStatusOf(String(code)), code);
  }
  for (const text of ['', '17', '99', '-1', 'denied', 'x'.repeat(1000)]) assert.equal(grpcStatusOf(text), null);
});
