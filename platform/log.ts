import { pino } from 'pino';
import { GatewatchError } from '../schemas/errors.ts';
import type { Clock, Logger } from './ports.ts';
import { terminalText } from './terminal-text.ts';

/** Where log lines go. `process.stderr` fits. */
export interface LogTarget {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export interface LogOptions {
  readonly level: 'info' | 'warn' | 'error';
  readonly target: LogTarget;
  readonly clock: Clock;
}

/**
 * Fields that could hold a clear identity, a secret or a piece of a raw line if somebody passed one by mistake: their
 * values are replaced at every depth. Pseudonyms go under `identity`, which is not in the list.
 */
export const HIDDEN_FIELDS: ReadonlySet<string> = new Set([
  ...['user', 'username', 'user_name', 'claimed', 'claimed_user', 'session', 'token', 'api_key', 'client', 'subject'],
  ...['ip', 'address', 'peer', 'remote', 'forwarded_for', 'forwardedfor', 'user_agent', 'useragent', 'principals'],
  ...['authorization', 'cookie', 'set-cookie', 'password', 'secret', 'key', 'ingest_token', 'pseudonym_key', 'headers'],
  ...['line', 'raw', 'body', 'query', 'url', 'uri', 'record', 'event', 'value'],
]);

/** What stands in the place of a hidden value. */
export const HIDDEN = '[hidden]';

/** Deeper objects are cut: a log line is not a dump. */
const DEPTH_MAX = 5;

/**
 * A log of JSON lines, one object each: `level`, `time` (ISO, UTC), the fields, `msg`. To a terminal it writes a short
 * readable form instead. Values of fields that could identify somebody are hidden; of an error only what this program
 * wrote itself is kept (code and message), besides its name and the places of its stack: the messages of other errors
 * quote what they failed on. Never throws on what it is given.
 *
 * Misses: an identity or a secret inside a message, or under a field name that is not in the list.
 */
export function createLog({ level, target, clock }: LogOptions): Logger {
  const stream = target.isTTY === true ? { write: (line: string) => target.write(readableLine(line)) } : target;
  const log = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  return {
    info: (fields, message) => log.info(safeFields(fields), message),
    warn: (fields, message) => log.warn(safeFields(fields), message),
    error: (fields, message) => log.error(safeFields(fields), message),
  };
}

/** A copy that may be written: hidden fields replaced, errors reduced, depth bounded. */
function safeFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return safeObject(fields, 0);
}

function safeObject(fields: object, depth: number): Record<string, unknown> {
  const safe: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    safe[name] = HIDDEN_FIELDS.has(name.toLowerCase()) ? HIDDEN : safeValue(value, depth);
  }
  return safe;
}

function safeValue(value: unknown, depth: number): unknown {
  if (value instanceof Error) return safeError(value, depth);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= DEPTH_MAX) return '[deeper]';
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.map((item) => safeValue(item, depth + 1));
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  // An object that knows how to show itself, such as a wrapped secret, does so.
  if ('toJSON' in value && typeof value.toJSON === 'function') return String(value);
  return safeObject(value, depth + 1);
}

/** Frames of a stack that are kept: the first ones say where it happened. */
const FRAMES_MAX = 8;

function safeError(error: Error, depth: number): Record<string, unknown> {
  const safe: Record<string, unknown> = { name: error.name };
  if ('code' in error && typeof error.code === 'string') safe.code = error.code;
  if ('syscall' in error && typeof error.syscall === 'string') safe.syscall = error.syscall;
  if (error instanceof GatewatchError) safe.message = error.message;
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  safe.stack = frames.slice(0, FRAMES_MAX).map((line) => line.trim().slice(3));
  if (error.cause instanceof Error && depth < DEPTH_MAX) safe.cause = safeError(error.cause, depth + 1);
  return safe;
}

/** `12:03:04.056 WARN  message  field=value`, for people. Times are UTC. */
function readableLine(json: string): string {
  const { level, time, msg, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const pairs = Object.entries(fields).map(([name, value]) => {
    const plain = typeof value === 'string' && /^[\w.:/@+-]+$/.test(value);
    return `${name}=${plain ? value : JSON.stringify(value)}`;
  });
  const clockTime = String(time).slice(11, 23);
  const text = [clockTime, String(level).toUpperCase().padEnd(5), msg ?? '', ...pairs].join(' ');
  return `${terminalText(text)}\n`;
}
