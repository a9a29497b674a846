import { type AccessRecord, EVENT_FLAGS } from '../schemas/event.ts';
import type { IdentityKind } from '../schemas/identity.ts';
import { createLineWriter } from './line-writer.ts';

/** What an event line needs beyond the record itself: all functions of the record and the configuration alone. */
export interface LineParts {
  readonly tenant: string;
  readonly partitions: number;
  /** The client's address under the trust list; null when it cannot be known. */
  clientAddress(record: AccessRecord): string | null;
  pseudonym(kind: IdentityKind, value: string): string;
  network(address: string | null): string;
  country(address: string | null): string;
  userAgentFamily(userAgent: string | null): string;
  redactUserAgent(userAgent: string): string;
  redactPath(path: string): string;
  redactQuery(query: string): string;
  /** Route template and object of a record, in reused fields. */
  readonly route: { read(record: AccessRecord): void; template: string; object: number };
  /** Called when a number did not fit its column. */
  clamped(column: string): void;
}

/** The event line last encoded, in a buffer that the next one overwrites. */
export interface EventLine {
  encode(record: AccessRecord, position: number): void;
  readonly bytes: Buffer;
  length: number;
  partition: number;
}

const UINT32_MAX = 4_294_967_295;
/** Largest integer that JSON carries exactly. */
const SAFE_MAX = Number.MAX_SAFE_INTEGER;
/** Method names are short words; anything else came from a scanner and would only fill a dictionary column. */
const METHOD = /^[A-Z]{1,20}$/;

/** gRPC status codes 7 PERMISSION_DENIED and 16 UNAUTHENTICATED (grpc.io, status codes). */
const GRPC_DENIED = 7;
const GRPC_UNAUTHENTICATED = 16;

/**
 * Makes event lines (schemas/columns.ts) of records. Poison is impossible in what it writes: strings are well-formed
 * Unicode, integers are whole and within their column, absent values are the column's empty value.
 */
export function createEventLine(parts: LineParts): EventLine {
  const writer = createLineWriter();
  const line: EventLine = { encode, bytes: writer.bytes, length: 0, partition: 0 };
  const { raw, string, integer } = writer;
  const tenant = `,${JSON.stringify(parts.tenant)},`;

  /** A number, cut to its column, and the comma behind it. */
  function whole(value: number | null, max: number, column: string): void {
    if (value === null) raw('null,');
    else {
      if (value > max) parts.clamped(column);
      integer(value > max ? max : Math.round(value));
      raw(',');
    }
  }

  /** A string, and the comma behind it. */
  function text(value: string | null): void {
    if (value === null || value === '') raw('"",');
    else {
      string(value);
      raw(',');
    }
  }

  /** A pseudonym, kind or other word of our own: nothing in it needs an escape. */
  function word(value: string): void {
    raw('"');
    raw(value);
    raw('",');
  }

  function flagsOf(record: AccessRecord): number {
    let flags = 0;
    const { status, grpcStatus } = record;
    if (status === 401 || status === 403 || grpcStatus === GRPC_UNAUTHENTICATED || grpcStatus === GRPC_DENIED) {
      flags |= EVENT_FLAGS.authFailure;
    }
    if (record.clientAborted) flags |= EVENT_FLAGS.clientAborted;
    if (record.badRequestLine) flags |= EVENT_FLAGS.badRequestLine;
    if (record.timeZoneAssumed) flags |= EVENT_FLAGS.timeZoneAssumed;
    if (parts.route.object !== 0) flags |= EVENT_FLAGS.hasObject;
    return flags;
  }

  function encode(record: AccessRecord, position: number): void {
    const address = parts.clientAddress(record);
    const ip = address === null ? '' : parts.pseudonym('ip', address);
    const principal = record.principals[0];
    let kind = '';
    let identity = '';
    if (principal !== undefined) {
      kind = principal.kind;
      identity = parts.pseudonym(principal.kind, principal.value);
    } else if (address !== null) {
      kind = 'ip';
      identity = ip;
    }
    line.partition = identity === '' ? 0 : partitionOf(identity, parts.partitions);
    const { route } = parts;
    route.read(record);

    writer.length = 0;
    raw('[');
    integer(position);
    raw(tenant);
    word(kind);
    word(identity);
    integer(record.timeMs);
    raw(',');
    word(record.timeBasis);
    whole(record.latencyMs === null ? null : record.latencyMs * 1000, UINT32_MAX, 'latency_us');
    integer(record.status ?? 0);
    raw(',');
    integer(flagsOf(record));
    raw(',');
    word(record.method !== null && METHOD.test(record.method) ? record.method : '');
    text(route.template);
    integer(route.object);
    raw(',');
    word(parts.network(address));
    word(parts.country(address));
    text(parts.userAgentFamily(record.userAgent));
    text(record.ja4);
    word(ip);
    word(record.session === null ? '' : parts.pseudonym('session', record.session));
    word(record.token === null ? '' : parts.pseudonym('token', record.token));
    word(record.client === null ? '' : parts.pseudonym('client', record.client));
    encodeClaimed(record);
    text(record.path === null ? null : parts.redactPath(record.path));
    text(record.query === null ? null : parts.redactQuery(record.query));
    text(record.host);
    text(record.userAgent === null ? null : parts.redactUserAgent(record.userAgent));
    text(record.service);
    whole(record.requestBytes, SAFE_MAX, 'request_bytes');
    whole(record.responseBytes, SAFE_MAX, 'response_bytes');
    whole(
      record.upstreamLatencyMs === null ? null : record.upstreamLatencyMs * 1000,
      UINT32_MAX,
      'upstream_latency_us',
    );
    text(record.requestId);
    whole(record.grpcStatus, 255, 'grpc_status');
    string(record.tlsVersion ?? '');
    raw(']');
    line.length = writer.length;
  }

  function encodeClaimed({ claimed }: AccessRecord): void {
    if (claimed === null) raw('"","",');
    else {
      word(claimed.kind);
      word(parts.pseudonym(claimed.kind, claimed.value));
    }
  }

  return line;
}

/**
 * The partition of a pseudonym: 18 of its uniform bits modulo the number of partitions. Stable for the life of an
 * installation; taken from the far end, since detector rows are indexed by the near one.
 */
export function partitionOf(pseudonym: string, partitions: number): number {
  const bits = (digit(pseudonym, 18) << 12) | (digit(pseudonym, 19) << 6) | digit(pseudonym, 20);
  return bits % partitions;
}

/** base64url digit. */
function digit(text: string, at: number): number {
  const c = text.charCodeAt(at);
  if (c >= 97) return c - 71;
  if (c >= 65) return c === 95 ? 63 : c - 65;
  return c === 45 ? 62 : c + 4;
}
