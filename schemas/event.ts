import type { ClearIdentity } from './identity.ts';

/** When a logged time was taken: start of the request, its end (log write), or the record time of the bus. */
export type TimeBasis = 'start' | 'end' | 'bus';

/**
 * One request as a format parser read it from a line. Clear values: lives only inside `ingest`.
 * Absent is null, never '' and never '-'. Strings may hold anything a hostile client sent.
 */
export interface AccessRecord {
  /** Whole milliseconds since 1970, floor. */
  timeMs: number;
  timeBasis: TimeBasis;
  /** The logged time had no zone and UTC was assumed. */
  timeZoneAssumed: boolean;
  method: string | null;
  /** As sent, up to the first '?', not percent-decoded, without scheme and authority. */
  path: string | null;
  /** After the first '?'; '' after a bare '?'. */
  query: string | null;
  /** 100-599, else null with `statusRaw`. */
  status: number | null;
  statusRaw: string | null;
  /** Milliseconds, rounded to 0.001. Unknown or negative is null. */
  latencyMs: number | null;
  upstreamLatencyMs: number | null;
  requestBytes: number | null;
  responseBytes: number | null;
  /** The TCP peer as the gateway reports it, when it is an address: no port, brackets or zone id. */
  peer: string | null;
  /** The peer field as logged when it is not an address. */
  peerRaw: string | null;
  /** X-Forwarded-For entries, left to right, as logged. */
  forwardedFor: readonly string[] | null;
  userAgent: string | null;
  /** Lower case, no port. */
  host: string | null;
  requestId: string | null;
  /** Template or name that the gateway itself logged. */
  route: string | null;
  service: string | null;
  /** '1.2', '1.3'. */
  tlsVersion: string | null;
  ja4: string | null;
  grpcStatus: number | null;
  /** What the gateway authenticated, best candidate first. */
  principals: readonly ClearIdentity[];
  /** Named but not proven (a basic-auth user on a 401). */
  claimed: ClearIdentity | null;
  session: string | null;
  token: string | null;
  client: string | null;
  /** The request line was empty, cut, or not HTTP. */
  badRequestLine: boolean;
  /** The client closed the connection first (499). */
  clientAborted: boolean;
}

/** Bits of the `flags` column of an event line. Append only. */
export const EVENT_FLAGS = {
  /** 401 or 403 (or gRPC 16 or 7) that is not one of our own denials. */
  authFailure: 1,
  /** Refused by one of our own signals, said in a field that the gateway itself sets. */
  ourDenial: 2,
  clientAborted: 4,
  badRequestLine: 8,
  timeZoneAssumed: 16,
  /** The path holds an object id: `object` is set. */
  hasObject: 32,
} as const;
