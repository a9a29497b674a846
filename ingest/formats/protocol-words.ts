/** TLS versions as gateways write them, in lower case: OpenSSL and Envoy names, plain numbers, wire values (RFC 8446). */
const TLS_VERSIONS: ReadonlyMap<string, string> = new Map([
  ['tlsv1.3', '1.3'],
  ['tlsv1.2', '1.2'],
  ['tlsv1.1', '1.1'],
  ['tlsv1.0', '1.0'],
  ['tlsv1', '1.0'],
  ['tls 1.3', '1.3'],
  ['tls 1.2', '1.2'],
  ['tls 1.1', '1.1'],
  ['tls 1.0', '1.0'],
  ['tlsv1_3', '1.3'],
  ['tlsv1_2', '1.2'],
  ['tlsv1_1', '1.1'],
  ['tlsv1_0', '1.0'],
  ['1.3', '1.3'],
  ['1.2', '1.2'],
  ['1.1', '1.1'],
  ['1.0', '1.0'],
  ['772', '1.3'],
  ['771', '1.2'],
  ['770', '1.1'],
  ['769', '1.0'],
]);

/** `1.2`, `1.3`, ... of a TLS version in any of the usual spellings; null for others, and for none. */
export function tlsVersionOf(text: string): string | null {
  return TLS_VERSIONS.get(text) ?? TLS_VERSIONS.get(text.toLowerCase()) ?? null;
}

/** The names of gRPC status codes in order of their numbers (grpc.io, status codes), without case and underscores. */
const GRPC_NAMES: ReadonlyMap<string, number> = new Map(
  [
    'ok',
    'cancelled',
    'unknown',
    'invalidargument',
    'deadlineexceeded',
    'notfound',
    'alreadyexists',
    'permissiondenied',
    'resourceexhausted',
    'failedprecondition',
    'aborted',
    'outofrange',
    'unimplemented',
    'internal',
    'unavailable',
    'dataloss',
    'unauthenticated',
  ].map((name, code) => [name, code]),
);

/** Longest spelling of a status: two digits, or `RESOURCE_EXHAUSTED` and the like. */
const GRPC_MAX_CHARACTERS = 24;

/** The number of a gRPC status written as a number or a name (`PermissionDenied`, `PERMISSION_DENIED`); else null. */
export function grpcStatusOf(text: string): number | null {
  if (text.length > GRPC_MAX_CHARACTERS) return null;
  const number = /^\d{1,2}$/.test(text) ? Number(text) : -1;
  if (number >= 0) return number < GRPC_NAMES.size ? number : null;
  const name = text.toLowerCase().replaceAll('_', '');
  // Go and Envoy write the American spelling.
  return GRPC_NAMES.get(name === 'canceled' ? 'cancelled' : name) ?? null;
}
