import { type AccessRecord, EVENT_FLAGS } from '../schemas/event.ts';
import type { IdentityKind } from '../schemas/identity.ts';

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

/** An encoded line, in reused fields. */
export interface EventLine {
  /** Encodes the record. */
  encode(record: AccessRecord, position: number): void;
  text: string;
  /** The text is plain ASCII. */
  ascii: boolean;
  partition: number;
}

const UINT32_MAX = 4_294_967_295;
/** Largest integer that JSON carries exactly. */
const SAFE_MAX = Number.MAX_SAFE_INTEGER;
/** Nothing to escape: printable ASCII without quote and backslash. */
const PLAIN = /^[ !#-[\]-~]*$/;
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
  const line: EventLine = { encode, text: '', ascii: true, partition: 0 };
  const tenant = JSON.stringify(parts.tenant);

  function quote(text: string): string {
    if (PLAIN.test(text)) return `"${text}"`;
    line.ascii = false;
    return JSON.stringify(text.toWellFormed());
  }

  function whole(value: number | null, max: number, column: string): string {
    if (value === null) return 'null';
    if (value > max) {
      parts.clamped(column);
      return String(max);
    }
    return String(Math.round(value));
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
    line.ascii = true;
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
    const { userAgent, claimed, method } = record;
    line.text =
      `[${position},${tenant},"${kind}","${identity}",${record.timeMs},"${record.timeBasis}",` +
      `${record.latencyMs === null ? 'null' : whole(record.latencyMs * 1000, UINT32_MAX, 'latency_us')},` +
      `${record.status ?? 0},${flagsOf(record)},"${method !== null && METHOD.test(method) ? method : ''}",` +
      `${quote(route.template)},${route.object},"${parts.network(address)}","${parts.country(address)}",` +
      `${quote(parts.userAgentFamily(userAgent))},${record.ja4 === null ? '""' : quote(record.ja4)},"${ip}",` +
      `"${record.session === null ? '' : parts.pseudonym('session', record.session)}",` +
      `"${record.token === null ? '' : parts.pseudonym('token', record.token)}",` +
      `"${record.client === null ? '' : parts.pseudonym('client', record.client)}",` +
      `${claimed === null ? '"",""' : `"${claimed.kind}","${parts.pseudonym(claimed.kind, claimed.value)}"`},` +
      `${record.path === null ? '""' : quote(parts.redactPath(record.path))},` +
      `${record.query === null ? '""' : quote(parts.redactQuery(record.query))},` +
      `${record.host === null ? '""' : quote(record.host)},` +
      `${userAgent === null ? '""' : quote(parts.redactUserAgent(userAgent))},` +
      `${record.service === null ? '""' : quote(record.service)},` +
      `${whole(record.requestBytes, SAFE_MAX, 'request_bytes')},${whole(record.responseBytes, SAFE_MAX, 'response_bytes')},` +
      `${record.upstreamLatencyMs === null ? 'null' : whole(record.upstreamLatencyMs * 1000, UINT32_MAX, 'upstream_latency_us')},` +
      `${record.requestId === null ? '""' : quote(record.requestId)},` +
      `${record.grpcStatus === null ? 'null' : whole(record.grpcStatus, 255, 'grpc_status')},` +
      `${record.tlsVersion === null ? '""' : quote(record.tlsVersion)}]`;
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
