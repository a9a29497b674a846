import { createClfReader } from '../clf-time.ts';
import { createIsoReader } from '../iso-time.ts';
import { epochMs, epochTextMs, type TimeReader } from '../timestamps.ts';
import type { TimeUnit } from './json-mapping-schema.ts';

/** Reads the time values of JSON lines in any unit of a mapping. */
export interface JsonTimes {
  /** Milliseconds since 1970, or NaN. */
  read(value: unknown, unit: TimeUnit): number;
  /** The time just read had no zone and UTC was assumed. */
  zoneAssumed: boolean;
}

const OPEN_BRACKET = 91;
const DASH = 45;
const SLASH = 47;

export function createJsonTimes(zoneOffsetMinutes: number | null): JsonTimes {
  const iso = createIsoReader(zoneOffsetMinutes);
  const clf = createClfReader(zoneOffsetMinutes);
  const times: JsonTimes = { read, zoneAssumed: false };

  function read(value: unknown, unit: TimeUnit): number {
    times.zoneAssumed = false;
    if (typeof value === 'number') {
      return unit === 'iso' || unit === 'clf' ? Number.NaN : epochMs(value, unit);
    }
    if (typeof value !== 'string') return Number.NaN;
    if (unit === 'iso') return readText(iso, value);
    if (unit === 'clf') return readText(clf, value);
    if (unit !== 'auto') return epochTextMs(value, unit);
    const bracket = value.charCodeAt(0) === OPEN_BRACKET ? 1 : 0;
    if (value.charCodeAt(4) === DASH) return readText(iso, value);
    if (value.charCodeAt(2 + bracket) === SLASH) return readText(clf, value);
    const ms = epochTextMs(value, 'auto');
    return Number.isNaN(ms) ? readText(iso, value) : ms;
  }

  function readText(reader: TimeReader, text: string): number {
    // NGINX and Apache write the common time in brackets.
    const bracket = text.charCodeAt(0) === OPEN_BRACKET ? 1 : 0;
    const ms = reader.read(text, bracket, text.length - bracket);
    times.zoneAssumed = reader.zoneAssumed;
    return ms;
  }

  return times;
}
