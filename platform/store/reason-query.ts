import { LATE_MS, OBJECT_SLOTS, type ReasonQuery } from '../../schemas/decision.ts';
import { EVENT_FLAGS } from '../../schemas/event.ts';
import { terminalText } from '../terminal-text.ts';

/** A statement with its parameters, for EventStore.query. */
export interface BoundQuery {
  readonly sql: string;
  readonly params: Readonly<Record<string, string | number>>;
}

/** The one row that a reason's statement gives. */
export interface ReasonCount {
  /** What the store counts. Compare with Reason.seen; of context and route reasons it says how often the value came. */
  readonly seen: number;
  /** 0 when the deciding event is not in the store (not stored yet, or its retention is over): `seen` says nothing then. */
  readonly stored: 0 | 1;
}

/** Largest latency that the column holds (UInt32 microseconds), ms: how far before its completion a time can lie. */
const LATENCY_MAX_MS = 4_294_968;

/** A full bitmap has no estimate: it is read as this many slots short of full, as the detector reads it. */
const FULL_SHORTFALL = 0.5;

type Bind = (name: string, type: 'String' | 'UInt64' | 'Int64', value: string | number) => string;

/**
 * The statement that counts, on the stored events, what a reason says.
 *
 * It repeats how the detector counts. An event is timed by its completion: the time as logged, plus the latency in whole
 * milliseconds where the time is the start of the request. Of the identity's events only those up to the deciding one in
 * bus order count; all lines of one identity are in one bus partition, so the order is (offset, position). The tick is
 * open from the first event at or after its beginning to the first one at or after its end; meanwhile an older event counts in it too while it is at most
 * LATE_MS older than the newest before it. Our own denials do not count. Distinct objects are the detector's linear
 * count (Whang et al. 1990), -m ln(1 - set/m), rounded.
 *
 * Misses: lines of another source that share the deciding line's block are left out, because their place in the block is
 * not stored. Times that the detector clamped (clocks ahead of ours) are counted where they were logged.
 */
export function reasonQuery(query: ReasonQuery): BoundQuery {
  const params: Record<string, string | number> = {};
  const sql = statement(query, (name, type, value) => {
    params[name] = value;
    return `{${name}:${type}}`;
  });
  return { sql, params };
}

/** The same statement for people: one line that says what it counts, and SQL with the values in it, to paste. */
export function printableReasonQuery(query: ReasonQuery): { title: string; sql: string } {
  const range = `${utc(query.fromMs)} to ${utc(query.toMs)}`;
  const of = `${query.kind} ${terminalText(query.identity)} (tenant ${terminalText(query.tenant)})`;
  const upTo = `up to position ${query.position} of source ${terminalText(query.source)}`;
  return {
    title: `${WHAT[query.measure](terminalText(query.value ?? ''))} of ${of}, completed ${range}, ${upTo}`,
    sql: statement(query, (_name, type, value) => literal(type, value)),
  };
}

const WHAT: Readonly<Record<ReasonQuery['measure'], (value: string) => string>> = {
  requests: () => 'requests',
  auth_failures: () => 'refused authentications (401, 403)',
  object_slots: () => 'distinct objects (estimate)',
  network: (value) => `requests from network ${value}`,
  country: (value) => `requests from country ${value}`,
  ua_family: (value) => `requests with user agent ${value}`,
  ja4: (value) => `requests with TLS fingerprint ${value}`,
  route: (value) => `requests to ${value}`,
};

function statement(query: ReasonQuery, bind: Bind): string {
  const owner = [
    `tenant = ${bind('tenant', 'String', query.tenant)}`,
    `identity = ${bind('identity', 'String', query.identity)}`,
    `kind = ${bind('kind', 'String', query.kind)}`,
  ].join(' AND ');
  const from = bind('from', 'Int64', query.fromMs);
  const to = bind('to', 'Int64', query.toMs);
  const source = bind('source', 'UInt64', query.source);
  const position = bind('position', 'UInt64', query.position);
  return `WITH
  toUnixTimestamp64Milli(time) + if(basis = 'start', intDiv(ifNull(latency_us, 0), 1000), 0) AS completed,
  (
    SELECT (count(), max(partition), max(offset)) FROM events
    WHERE ${owner} AND source = ${source} AND position = ${position}
  ) AS deciding
SELECT toFloat64(${measure(query, OBJECT_SLOTS[query.tick], bind)}) AS seen, deciding.1 > 0 AS stored
FROM (
  SELECT *, completed AS done, max(completed) OVER (ORDER BY offset, position) AS newest
  FROM events
  WHERE ${owner}
    AND time >= fromUnixTimestamp64Milli(${from} - ${LATENCY_MAX_MS + LATE_MS})
    AND partition = deciding.2
    AND (offset < deciding.3 OR (offset = deciding.3 AND source = ${source} AND position <= ${position}))
)
WHERE newest >= ${from} AND newest < ${to} AND (done >= ${from} OR done >= newest - ${LATE_MS})
  AND bitAnd(flags, ${EVENT_FLAGS.ourDenial}) = 0`;
}

function measure(query: ReasonQuery, objectSlots: number, bind: Bind): string {
  switch (query.measure) {
    case 'requests':
      return 'count()';
    case 'auth_failures':
      return `countIf(bitAnd(flags, ${EVENT_FLAGS.authFailure}) != 0)`;
    case 'object_slots': {
      const set = `toFloat64(uniqExactIf(bitAnd(object, ${objectSlots - 1}), object != 0))`;
      // As an integer, because none set gives -0.
      return `toUInt32(round(-${objectSlots} * log(1 - least(${set}, ${objectSlots - FULL_SHORTFALL}) / ${objectSlots})))`;
    }
    case 'route':
      return `countIf(concat(method, ' ', route) = ${bind('value', 'String', query.value ?? '')})`;
    default:
      return `countIf(${query.measure} = ${bind('value', 'String', query.value ?? '')})`;
  }
}

function utc(ms: number): string {
  return new Date(ms).toISOString();
}

/** Controls, line separators and direction marks, as in terminalText: SQL wants them as bytes. */
const UNPRINTABLE = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Values come from requests: nothing in them may end the literal or act on a terminal. */
function literal(type: 'String' | 'UInt64' | 'Int64', value: string | number): string {
  if (type === 'Int64') return String(value);
  const text = String(value).replaceAll('\\', '\\\\').replaceAll("'", "\\'").replace(UNPRINTABLE, bytesOf);
  return type === 'UInt64' ? `toUInt64('${text}')` : `'${text}'`;
}

function bytesOf(character: string): string {
  let escaped = '';
  for (const byte of Buffer.from(character)) escaped += `\\x${byte.toString(16).padStart(2, '0')}`;
  return escaped;
}
