import type { AccessRecord } from '../../schemas/event.ts';
import type { Outcome } from '../../schemas/outcome.ts';

/** Longest line that is read; longer ones go to the dead letter (NGINX and Envoy cap a request line at 8 to 60 KiB). */
export const LINE_MAX_BYTES = 64 * 1024;

/**
 * Reads one access-log format. A pure function of the line and of the settings it was made with; never throws.
 *
 * The record of an `ok` outcome belongs to the parser and is overwritten by its next call: the hot path allocates
 * nothing that it does not need. Whoever keeps it copies it.
 */
export interface LineFormat {
  /** Name in configuration, in `--format` and in what is printed. */
  readonly name: string;
  parse(line: string): Outcome<AccessRecord>;
}

/** A record with everything absent. */
export function emptyRecord(): AccessRecord {
  return {
    timeMs: 0,
    timeBasis: 'end',
    timeZoneAssumed: false,
    method: null,
    path: null,
    query: null,
    status: null,
    statusRaw: null,
    latencyMs: null,
    upstreamLatencyMs: null,
    requestBytes: null,
    responseBytes: null,
    peer: null,
    peerRaw: null,
    forwardedFor: null,
    userAgent: null,
    host: null,
    requestId: null,
    route: null,
    service: null,
    tlsVersion: null,
    ja4: null,
    grpcStatus: null,
    principals: NO_PRINCIPALS,
    claimed: null,
    session: null,
    token: null,
    client: null,
    badRequestLine: false,
    clientAborted: false,
  };
}

export const NO_PRINCIPALS: AccessRecord['principals'] = [];
