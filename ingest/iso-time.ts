import { dayMs, fractionMs, skipDigits, type TimeReader, twoDigits, zoneMs } from './timestamps.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** `2024-05-03T07:00`, the shortest form that is read here. */
const SHORTEST = 16;
/** Longest text that is given to Date.parse. */
const FALLBACK_MAX_CHARACTERS = 64;

const SPACE = 32;
const COMMA = 44;
const DASH = 45;
const DOT = 46;
const COLON = 58;
const UPPER_T = 84;
const LOWER_T = 116;

/**
 * Reads ISO 8601 and RFC 3339 times: `2024-05-03T07:00:00.123456Z`, offsets `+02:00`, `+0200`, `+02`, a blank instead of
 * `T`, a comma before the fraction, and a blank or `UTC` at the zone as some languages print them. Digits behind the
 * millisecond are cut.
 *
 * Everything else that looks like a date with a time of day (`Tue, 14 Feb 2023 10:00:00 GMT`) is left to Date.parse,
 * always with an explicit zone, so that the machine's own zone never decides.
 */
export function createIsoReader(zoneOffsetMinutes: number | null): TimeReader {
  const defaultZoneMs = (zoneOffsetMinutes ?? 0) * MINUTE_MS;
  // The hour read last, as the number yyyymmddhh, and its time.
  let hour = -1;
  let hourMs = 0;
  const reader: TimeReader = { read, zoneAssumed: false };

  function read(text: string, from: number, to: number): number {
    reader.zoneAssumed = false;
    if (to - from < SHORTEST) return Number.NaN;
    const hourNow = hourNumber(text, from);
    if (hourNow < 0) return fallback(text.slice(from, to));
    if (hourNow !== hour) {
      const ms = timeOfHour(hourNow);
      if (Number.isNaN(ms)) return ms;
      hour = hourNow;
      hourMs = ms;
    }
    const minutes = twoDigits(text, from + 14);
    if (minutes < 0 || minutes > 59 || text.charCodeAt(from + 13) !== COLON) return Number.NaN;
    let ms = hourMs + minutes * MINUTE_MS;
    let at = from + SHORTEST;
    if (at < to && text.charCodeAt(at) === COLON) {
      const seconds = twoDigits(text, at + 1);
      // Second 60 is a leap second.
      if (at + 3 > to || seconds < 0 || seconds > 60) return Number.NaN;
      ms += seconds * 1000;
      at += 3;
      if (at < to && (text.charCodeAt(at) === DOT || text.charCodeAt(at) === COMMA)) {
        ms += fractionMs(text, at + 1, to);
        at = skipDigits(text, at + 1, to);
      }
    }
    if (at === to) return withoutZone(ms);
    return ms - readZone(text, at, to);
  }

  function withoutZone(ms: number): number {
    reader.zoneAssumed = zoneOffsetMinutes === null;
    return ms - defaultZoneMs;
  }

  function fallback(text: string): number {
    // Date.parse reads nonsense such as `item 5` as a date: ask only about texts with a time of day and a year.
    if (text.length > FALLBACK_MAX_CHARACTERS || !text.includes(':') || !holdsYear(text)) return Number.NaN;
    if (endsWithZone(text)) return Math.floor(Date.parse(text));
    const ms = Math.floor(Date.parse(`${text} UTC`));
    return Number.isNaN(ms) ? ms : withoutZone(ms);
  }

  return reader;
}

/** The digits of `2024-05-03T07` as one number, or -1. */
function hourNumber(text: string, from: number): number {
  if (text.charCodeAt(from + 4) !== DASH || text.charCodeAt(from + 7) !== DASH) return -1;
  const separator = text.charCodeAt(from + 10);
  if (separator !== UPPER_T && separator !== LOWER_T && separator !== SPACE) return -1;
  const century = twoDigits(text, from);
  const years = twoDigits(text, from + 2);
  const month = twoDigits(text, from + 5);
  const day = twoDigits(text, from + 8);
  const hours = twoDigits(text, from + 11);
  if (century < 0 || years < 0 || month < 0 || day < 0 || hours < 0) return -1;
  return (((century * 100 + years) * 100 + month) * 100 + day) * 100 + hours;
}

/** Time at which the hour numbered yyyymmddhh begins, UTC; NaN when there is no such hour. */
function timeOfHour(hour: number): number {
  const hours = hour % 100;
  const day = Math.floor(hour / 100);
  if (hours < 0 || hours > 23) return Number.NaN;
  return dayMs(Math.floor(day / 10_000), Math.floor(day / 100) % 100, day % 100) + hours * HOUR_MS;
}

/** Milliseconds ahead of UTC of the rest of the text, or NaN. */
function readZone(text: string, from: number, to: number): number {
  const at = text.charCodeAt(from) === SPACE ? from + 1 : from;
  const first = text.charCodeAt(at);
  if (first === 90 || first === 122) return to === at + 1 ? 0 : Number.NaN;
  if (to === at + 3 && (text.startsWith('UTC', at) || text.startsWith('GMT', at))) return 0;
  // Go prints `+0000 UTC`.
  return zoneMs(text, at, to - at > 6 && text.endsWith(' UTC', to) ? to - 4 : to);
}

function holdsYear(text: string): boolean {
  for (let at = 0; at + 4 <= text.length; at++) {
    if (twoDigits(text, at) >= 0 && twoDigits(text, at + 2) >= 0) return true;
  }
  return false;
}

function endsWithZone(text: string): boolean {
  if (text.endsWith('GMT') || text.endsWith('UTC') || text.endsWith('Z')) return true;
  return (
    !Number.isNaN(zoneMs(text, text.length - 5, text.length)) ||
    !Number.isNaN(zoneMs(text, text.length - 6, text.length))
  );
}
