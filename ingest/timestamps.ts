/**
 * Logged times outside this range are not times of requests but unset clocks, wrong units or nonsense. HTTP is from
 * 1990; the end is a round bound that keeps every time within what columns and arithmetic hold.
 */
export const TIME_MIN_MS = Date.UTC(1990, 0, 1);
export const TIME_MAX_MS = Date.UTC(2101, 0, 1);

export function timeInRange(timeMs: number): boolean {
  return timeMs >= TIME_MIN_MS && timeMs < TIME_MAX_MS;
}

/** Reads one textual notation of time. Keeps the last hour or day it saw, since log lines come in order of time. */
export interface TimeReader {
  /** Milliseconds since 1970 (floor) of text[from, to); NaN when that is no time in this notation. */
  read(text: string, from: number, to: number): number;
  /** The time just read had no zone, none is configured, and UTC was assumed. */
  zoneAssumed: boolean;
}

/** Units of a number that counts from 1970. `auto`: by size. */
export type EpochUnit = 's' | 'ms' | 'us' | 'ns' | 'auto';

/** Decimal places between a unit and the millisecond. */
const PLACES = { s: 3, ms: 0, us: -3, ns: -6 } as const;

/**
 * A count below each bound is taken to be in that unit. As seconds 1e11 is the year 5138, as milliseconds 1973, so the
 * ranges of the four units cannot overlap for any time between 1990 and 2100.
 */
const AUTO_SECONDS_BELOW = 1e11;
const AUTO_MILLISECONDS_BELOW = 1e14;
const AUTO_MICROSECONDS_BELOW = 1e17;

/**
 * A third of a microsecond, in milliseconds. A double that counts seconds with decimals, or nanoseconds, is off by up to
 * 0.00026 ms before 2100, so a plain floor would sometimes lose a millisecond.
 */
const FLOAT_SLACK_MS = 0.0003;

/** More digits than any time has; a longer text is not looked at. */
const EPOCH_MAX_CHARACTERS = 40;

const MINUTE_MS = 60_000;
const ZERO = 48;
const DOT = 46;

/** Milliseconds since 1970 (floor) of a count in `unit`; NaN for a negative or non-finite count. */
export function epochMs(count: number, unit: EpochUnit): number {
  if (!(count >= 0 && count < Number.POSITIVE_INFINITY)) return Number.NaN;
  switch (unit === 'auto' ? unitBySize(count) : unit) {
    case 's':
      return Math.floor(count * 1000 + FLOAT_SLACK_MS);
    case 'ms':
      return Math.floor(count);
    case 'us':
      return Math.floor(count / 1000);
    case 'ns':
      return Math.floor(count / 1e6 + FLOAT_SLACK_MS);
  }
}

/**
 * The same for a count written as decimal text (`1795566024.122`, `1709677843239000000`), digit by digit, so that
 * counts above 2^53 lose nothing. NaN when the text is anything but digits with at most one point.
 */
export function epochTextMs(text: string, unit: EpochUnit): number {
  const { length } = text;
  if (length === 0 || length > EPOCH_MAX_CHARACTERS) return Number.NaN;
  let point = -1;
  for (let i = 0; i < length; i++) {
    const c = text.charCodeAt(i);
    if (c >= ZERO && c <= ZERO + 9) continue;
    if (c !== DOT || point >= 0 || i === 0) return Number.NaN;
    point = i;
  }
  const whole = point < 0 ? text : text.slice(0, point);
  const places = PLACES[unit === 'auto' ? unitBySize(Number(whole)) : unit];
  if (places < 0) return Number(whole.slice(0, places));
  if (places === 0) return Number(whole);
  const fraction = point < 0 ? '' : text.slice(point + 1, point + 1 + places);
  return Number(whole + fraction.padEnd(places, '0'));
}

function unitBySize(count: number): 's' | 'ms' | 'us' | 'ns' {
  if (count < AUTO_SECONDS_BELOW) return 's';
  if (count < AUTO_MILLISECONDS_BELOW) return 'ms';
  return count < AUTO_MICROSECONDS_BELOW ? 'us' : 'ns';
}

/** Two decimal digits at `at`, or -1. */
export function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO;
  const ones = text.charCodeAt(at + 1) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1;
}

/** Milliseconds of the fraction whose first digit is at `at`: up to three digits count, the rest is cut (floor). */
export function fractionMs(text: string, at: number, to: number): number {
  let ms = 0;
  let scale = 100;
  for (let i = at; i < to && scale >= 1; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (!(digit >= 0 && digit <= 9)) break;
    ms += digit * scale;
    scale /= 10;
  }
  return ms;
}

/** Index behind the run of digits that begins at `at`. */
export function skipDigits(text: string, at: number, to: number): number {
  let i = at;
  while (i < to) {
    const digit = text.charCodeAt(i) - ZERO;
    if (!(digit >= 0 && digit <= 9)) break;
    i += 1;
  }
  return i;
}

/** Milliseconds of midnight UTC of a calendar day; NaN when there is no such day. Months count from 1. */
export function dayMs(year: number, month: number, day: number): number {
  if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= 31)) return Number.NaN;
  const ms = Date.UTC(year, month - 1, day);
  return new Date(ms).getUTCDate() === day ? ms : Number.NaN;
}

/**
 * Milliseconds that a zone written `+hh`, `+hhmm` or `+hh:mm` at text[from, to) is ahead of UTC; NaN when it is none.
 * Hours go to 23: real zones end at +14:00, and a wrong zone is still better read than guessed.
 */
export function zoneMs(text: string, from: number, to: number): number {
  const sign = text.charCodeAt(from);
  if (sign !== 43 && sign !== 45) return Number.NaN;
  const length = to - from;
  const hours = twoDigits(text, from + 1);
  let minutes = 0;
  if (length === 6) minutes = text.charCodeAt(from + 3) === 58 ? twoDigits(text, from + 4) : -1;
  else if (length === 5) minutes = twoDigits(text, from + 3);
  else if (length !== 3) return Number.NaN;
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return Number.NaN;
  const ahead = (hours * 60 + minutes) * MINUTE_MS;
  return sign === 45 ? -ahead : ahead;
}

/** Minutes ahead of UTC of a configured zone (`Z`, `UTC`, `+02:00`, `-0530`); null when it is none of these. */
export function parseZoneOffset(text: string): number | null {
  if (text === 'Z' || text === 'UTC') return 0;
  const ms = zoneMs(text, 0, text.length);
  return Number.isNaN(ms) ? null : ms / MINUTE_MS;
}
