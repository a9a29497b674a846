import type { AccessRecord } from '../schemas/event.ts';
import type { ClearIdentity } from '../schemas/identity.ts';
import type { Outcome } from '../schemas/outcome.ts';
import { printedKind } from './formats/worded-identity.ts';

/** Who decides what of a line may be shown. */
export interface ExplainRules {
  /** An identity or address for people: clear, or its pseudonym. Addresses come as kind `ip`. */
  show(identity: ClearIdentity): string;
  redactPath(path: string): string;
  redactQuery(query: string): string;
  /** Without it, user agents are shown as sent. */
  redactUserAgent?(userAgent: string): string;
  /** The client's address under the trust list. */
  clientAddress(record: AccessRecord): string | null;
  /** Whose baseline the request belongs to; without it, the first principal, else the address. */
  owner?(record: AccessRecord, clientAddress: string | null): ClearIdentity | null;
  /** What the gateway's address is: the TCP peer, or what the gateway itself chose behind trusted proxies. */
  readonly addressIs?: 'peer' | 'gateway';
}

/** How a line was read, in the words of people. The usual members are always there, null when unknown. */
export type Explanation = Readonly<Record<string, unknown>>;

/**
 * Explains what became of one line, as the object that `explain-line` prints. A request: what was read of it. Anything
 * else: `skip` or `malformed`, the reason from the closed list, and why.
 *
 * No identity, address, path or query leaves through here but by `show` and the `redact` functions; host, request id,
 * route and service are shown as they are.
 */
export function explainOutcome(outcome: Outcome<AccessRecord>, rules: ExplainRules): Explanation {
  if (outcome.type === 'ok') return explainRecord(outcome.value, rules);
  const { reason, why } = outcome;
  if (outcome.type === 'deadLetter') return { malformed: true, reason, why };
  return reason === 'incomplete' ? { skip: true, incomplete: true, reason, why } : { skip: true, reason, why };
}

function explainRecord(record: AccessRecord, rules: ExplainRules): Explanation {
  const { show } = rules;
  const address = rules.clientAddress(record);
  const identity = record.principals[0];
  const { claimed } = record;
  const owner = rules.owner === undefined ? (identity ?? addressIdentity(address)) : rules.owner(record, address);
  const shown = (of: ClearIdentity) => ({ kind: printedKind(of), value: show(of) });
  const showAddress = (text: string) => show({ kind: 'ip', value: text });
  return compact(
    {
      time_ms: record.timeMs,
      time_basis: record.timeBasis === 'bus' ? 'kafka' : record.timeBasis,
      method: record.method,
      path: record.path === null ? null : rules.redactPath(record.path),
      query: record.query === null ? null : rules.redactQuery(record.query),
      status: record.status,
      latency_ms: record.latencyMs,
      upstream_latency_ms: record.upstreamLatencyMs,
      request_bytes: record.requestBytes,
      response_bytes: record.responseBytes,
      client_ip: address === null ? null : showAddress(address),
      client_ip_source: addressSource(record, address, rules),
      user_agent: record.userAgent === null ? null : (rules.redactUserAgent?.(record.userAgent) ?? record.userAgent),
      host: record.host,
      request_id: record.requestId,
      route: record.route,
      service: record.service,
      tls_version: record.tlsVersion,
      identity: identity === undefined ? null : shown(identity),
    },
    {
      status_raw: record.statusRaw,
      client_raw: record.peerRaw === null ? null : showAddress(record.peerRaw),
      xff: record.forwardedFor?.map(showAddress) ?? null,
      ja4: record.ja4,
      grpc_status: record.grpcStatus,
      also: record.principals.length > 1 ? record.principals.slice(1).map(shown) : null,
      claimed_user: claimed?.kind === 'user' ? show(claimed) : null,
      claimed: claimed === null || claimed.kind === 'user' ? null : shown(claimed),
      session: record.session === null ? null : show({ kind: 'session', value: record.session }),
      token: record.token === null ? null : show({ kind: 'token', value: record.token }),
      owner: owner === null ? null : shown(owner),
      bad_request_line: record.badRequestLine || null,
      client_aborted: record.clientAborted || null,
      tz_assumed: record.timeZoneAssumed || null,
    },
  );
}

function addressIdentity(address: string | null): ClearIdentity | null {
  return address === null ? null : { kind: 'ip', value: address };
}

/** Where the client's address came from: the log's own field, or the X-Forwarded-For of trusted proxies. */
function addressSource(record: AccessRecord, address: string | null, rules: ExplainRules): string | null {
  if (address === null) return null;
  return address === record.peer ? (rules.addressIs ?? 'peer') : 'xff';
}

/** All of `always`, and what is not null of `ifKnown`; strings well-formed, so that they can be printed as JSON. */
function compact(always: Record<string, unknown>, ifKnown: Record<string, unknown>): Explanation {
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(always)) out[name] = wellFormed(value);
  for (const [name, value] of Object.entries(ifKnown)) if (value !== null) out[name] = wellFormed(value);
  return out;
}

function wellFormed(value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed() : value;
}

/**
 * The explanation as one line of JSON that is safe on a terminal: control characters, which JSON.stringify leaves from
 * 0x7F on, and the characters that reorder text (Unicode bidirectional controls) are escaped.
 */
export function explanationText(explanation: Explanation): string {
  return JSON.stringify(explanation).replace(
    /[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
