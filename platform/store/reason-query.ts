import type { ReasonQuery } from '../../schemas/decision.ts';
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
 * An event belongs to the range by its completion: the time as logged, plus the latency in whole milliseconds where the
 * time is the start of the request. Of the identity's events only those up to the deciding one in bus order count; all
 * lines of one identity are in one bus partition, so the order is (offset, position).
 *
 * `objectSlots` is the size of the bitmap in which the detector counts distinct objects for the reason's tick, a power
 * of two; the statement repeats its linear-counting estimate (Whang et al. 1990), -m ln(1 - set/m), rounded.
 *
 * Misses: lines of another source that share the deciding line's block are left out, because their place in the block is
 * not stored. Times that the detector clamped (clocks ahead of ours) are counted where they were logged.
 */
export function reasonQuery(query: ReasonQuery, objectSlots: number): BoundQuery {
  const params: Record<string, string | number> = {};
  const sql = statement(query, objectSlots, (name, type, value) => {
    params[name] = value;
    return `{${name}:${type}}`;
  });
  return { sql, params };
}

/** The same statement for people: one line that says what it counts, and SQL with the values in it, to paste. */
export function printableReasonQuery(query: ReasonQuery, objectSlots: number): { title: string; sql: string } {
  const range = `${utc(query.fromMs)} to ${utc(query.toMs)}`;
  const of = `${query.kind} ${terminalText(query.identity)} (tenant ${terminalText(query.tenant)})`;
  const upTo = `up to position ${query.position} of source ${terminalText(query.source)}`;
  return {
    title: `${WHAT[query.measure](terminalText(query.value ?? ''))} of ${of}, completed ${range}, ${upTo}`,
    sql: statement(query, objectSlots, (_name, type, value) => literal(type, value)),
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

function statement(query: ReasonQuery, objectSlots: number, bind: Bind): string {
  if (!(objectSlots >= 2) || (objectSlots & (objectSlots - 1)) !== 0) {
    throw new RangeError(`objectSlots must be a power of two, got ${objectSlots}`);
  }
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
SELECT toFloat64(${measure(query, objectSlots, bind)}) AS seen, deciding.1 > 0 AS stored
FROM events
WHERE ${owner}
  AND time >= fromUnixTimestamp64Milli(${from} - ${LATENCY_MAX_MS}) AND time < fromUnixTimestamp64Milli(${to})
  AND completed >= ${from} AND completed < ${to}
  AND partition = deciding.2
  AND (offset < deciding.3 OR (offset = deciding.3 AND source = ${source} AND position <= ${position}))`;
}

function measure(query: ReasonQuery, objectSlots: number, bind: Bind): string {
  switch (query.measure) {
    case 'requests':
      return 'count()';
    case 'auth_failures':
      return `countIf(bitAnd(flags, ${EVENT_FLAGS.authFailure}) != 0)`;
    case 'object_slots': {
      const set = `toFloat64(uniqExactIf(bitAnd(object, ${objectSlots - 1}), object != 0))`;
      return `round(-${objectSlots} * log(1 - least(${set}, ${objectSlots - FULL_SHORTFALL}) / ${objectSlots}))`;
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
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

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
