import { dayMs, fractionMs, skipDigits, type TimeReader, twoDigits, zoneMs } from './timestamps.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** `10/Oct/2000:13`, the part that stays the same for an hour. */
const HOUR_CHARACTERS = 14;
/** `10/Oct/2000:13:55:36`, the shortest form. */
const SHORTEST = 20;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const SPACE = 32;
const COMMA = 44;
const DOT = 46;
const SLASH = 47;
const COLON = 58;

/**
 * Reads the time of the Common Log Format, `10/Oct/2000:13:55:36 -0700`, also with a fraction (`:36.123`) or without a
 * zone, which then counts as `zoneOffsetMinutes` ahead of UTC, or as UTC when that is null.
 *
 * Source: Apache `%t` (mod_log_config) and NGINX `$time_local`; month names are English in both, whatever the locale.
 */
export function createClfReader(zoneOffsetMinutes: number | null): TimeReader {
  const defaultZoneMs = (zoneOffsetMinutes ?? 0) * MINUTE_MS;
  // The day and hour read last; no line begins with a newline, so this matches nothing.
  let hourText = '\n';
  let hourMs = 0;
  const reader: TimeReader = { read, zoneAssumed: false };

  function read(text: string, from: number, to: number): number {
    if (to - from < SHORTEST) return Number.NaN;
    if (!text.startsWith(hourText, from)) {
      const ms = readHour(text, from);
      if (Number.isNaN(ms)) return ms;
      hourMs = ms;
      hourText = text.slice(from, from + HOUR_CHARACTERS);
    }
    const minutes = twoDigits(text, from + 15);
    const seconds = twoDigits(text, from + 18);
    // Second 60 is a leap second.
    if (minutes < 0 || minutes > 59 || seconds < 0 || seconds > 60) return Number.NaN;
    if (text.charCodeAt(from + 14) !== COLON || text.charCodeAt(from + 17) !== COLON) return Number.NaN;
    let ms = hourMs + minutes * MINUTE_MS + seconds * 1000;
    let at = from + SHORTEST;
    reader.zoneAssumed = false;
    if (at < to && (text.charCodeAt(at) === DOT || text.charCodeAt(at) === COMMA)) {
      ms += fractionMs(text, at + 1, to);
      at = skipDigits(text, at + 1, to);
    }
    if (at === to) {
      reader.zoneAssumed = zoneOffsetMinutes === null;
      return ms - defaultZoneMs;
    }
    return text.charCodeAt(at) === SPACE ? ms - zoneMs(text, at + 1, to) : Number.NaN;
  }

  return reader;
}

function readHour(text: string, from: number): number {
  if (text.charCodeAt(from + 2) !== SLASH || text.charCodeAt(from + 6) !== SLASH) return Number.NaN;
  if (text.charCodeAt(from + 11) !== COLON) return Number.NaN;
  const hours = twoDigits(text, from + 12);
  const century = twoDigits(text, from + 7);
  const years = twoDigits(text, from + 9);
  if (hours < 0 || hours > 23 || century < 0 || years < 0) return Number.NaN;
  const month = MONTHS.indexOf(text.slice(from + 3, from + 6)) + 1;
  return dayMs(century * 100 + years, month, twoDigits(text, from)) + hours * HOUR_MS;
}
