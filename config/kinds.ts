import Type from 'typebox';
import { type Duration, parseDuration, type Reading } from './durations.ts';
import { parseBroker, parseHttpServer } from './network-places.ts';
import { parseAddressRange, parseZone, type ZoneOffset } from './places.ts';
import type { Secret } from './secrets.ts';
import { parseSize, type Size } from './sizes.ts';

/**
 * The part of a TypeBox schema that the reader of settings looks at. `kind` names a value with a reading of its own; the
 * static type of such a schema is the value after reading, its JSON Schema describes what is written.
 */
export interface Shape {
  readonly type?: string;
  readonly kind?: Kind;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[] | undefined;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly minItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly atLeast?: string;
  readonly atMost?: string;
  readonly pattern?: string;
  /** What the pattern asks for, in words. */
  readonly rule?: string;
  /** The environment variable that advice on a secret names. */
  readonly variable?: string;
  /** A section that may be left out, but must not stand there empty: without it something is less safe. */
  readonly neverBlank?: boolean;
}

export type Kind = 'duration' | 'size' | 'secret' | 'address_range' | 'zone' | 'broker' | 'http_server';

/** A map of settings that takes no others. */
export const section = <Properties extends Type.TProperties>(
  description: string,
  properties: Properties,
  options: Pick<Shape, 'neverBlank'> = {},
) => Type.Object(properties, { additionalProperties: false, description, ...options });

interface Bounds {
  readonly default?: string;
  readonly atLeast: string;
  readonly atMost: string;
  readonly description: string;
}

export const durationSetting = (bounds: Bounds) =>
  Type.Unsafe<Duration>({ type: 'string', kind: 'duration', examples: ['10s'], ...bounds });

export const sizeSetting = (bounds: Bounds) =>
  Type.Unsafe<Size>({ type: 'string', kind: 'size', examples: ['1GiB'], ...bounds });

export const secretSetting = (description: string, variable?: string) =>
  Type.Unsafe<Secret>({ type: 'string', kind: 'secret', description, ...(variable === undefined ? {} : { variable }) });

/** A range of addresses, or a word for some. The value after reading is the canonical range or the word. */
export const addressRangeSetting = () =>
  Type.Unsafe<string>({ type: 'string', kind: 'address_range', examples: ['10.0.0.0/8'] });

/** A fixed offset from UTC. */
export const zoneSetting = (description: string) =>
  Type.Unsafe<ZoneOffset>({ type: 'string', kind: 'zone', examples: ['+01:00'], description });

/** Address of a Kafka broker, host:port. */
export const brokerSetting = () => Type.Unsafe<string>({ type: 'string', kind: 'broker', examples: ['kafka:9092'] });

/** Address of an HTTP server; the value after reading is its origin. */
export const httpServerSetting = (description: string) =>
  Type.Unsafe<string>({ type: 'string', kind: 'http_server', examples: ['http://clickhouse:8123'], description });

/** Reads a scalar of a kind other than secret. */
export function readKind(kind: Exclude<Kind, 'secret'>, shape: Shape, written: unknown): Reading<unknown> {
  if (kind === 'address_range') return parseAddressRange(written);
  if (kind === 'zone') return parseZone(written);
  if (kind === 'broker') return parseBroker(written);
  if (kind === 'http_server') return parseHttpServer(written);
  if (kind === 'duration') return bounded(parseDuration(written), shape, parseDuration, (value) => value.ms);
  return bounded(parseSize(written), shape, parseSize, (value) => value.bytes);
}

function bounded<T>(
  reading: Reading<T>,
  { atLeast, atMost }: Shape,
  parse: (written: unknown) => Reading<T>,
  amount: (value: T) => number,
): Reading<T> {
  if (!reading.ok) return reading;
  const beyond = (bound: string | undefined, sign: 1 | -1): boolean => {
    const limit = parse(bound);
    return limit.ok && sign * (amount(reading.value) - amount(limit.value)) > 0;
  };
  if (beyond(atLeast, -1)) return { ok: false, message: `must be at least ${atLeast}`, fix: `${atLeast}` };
  if (beyond(atMost, 1)) return { ok: false, message: `must be at most ${atMost}`, fix: `${atMost}` };
  return reading;
}
