/** Longest text that is read as a number. */
const NUMBER_MAX_CHARACTERS = 32;

const ZERO = 48;
const DOT = 46;

/** Microseconds in a unit of time. */
export const MICROSECONDS: Readonly<Record<'s' | 'ms' | 'us' | 'ns', number>> = { s: 1e6, ms: 1e3, us: 1, ns: 1e-3 };
/** Units behind a number in text; the micro sign comes as either of two characters. */
const SUFFIXES: ReadonlyMap<string, number> = new Map([...Object.entries(MICROSECONDS), ['µs', 1], ['μs', 1]]);

/**
 * Text of a value: text as it is, a number in decimal, of a list its first element (headers are lists in some logs).
 * Null for anything else, and for whole numbers above 2^53: their last digits are lost, and two ids would become one.
 */
export function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) || !Number.isInteger(value) ? finiteText(value) : null;
  }
  if (!Array.isArray(value)) return null;
  const first: unknown = value[0];
  if (typeof first === 'string') return first === '' || first === '-' ? null : first;
  return typeof first === 'number' ? textOf(first) : null;
}

function finiteText(value: number): string | null {
  return Number.isFinite(value) ? String(value) : null;
}

/** A number that is not negative: a number, or digits with at most one point as text. Null for all else. */
export function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return value >= 0 && value < Number.POSITIVE_INFINITY ? value : null;
  return typeof value === 'string' ? decimal(value, 0, value.length) : null;
}

/** A whole number that a double carries exactly, such as a size in bytes. */
export function wholeOf(value: unknown): number | null {
  const number = numberOf(value);
  return number !== null && Number.isSafeInteger(number) ? number : null;
}

/** Milliseconds, rounded to 0.001, of one duration that counts units of `microseconds`, or with a unit of its own (`0.018s`, `12ms`). */
export function durationOf(value: unknown, microseconds: number): number | null {
  if (typeof value === 'string') return durationText(value, 0, value.length, microseconds);
  const number = numberOf(value);
  return number === null ? null : milliseconds(number, microseconds);
}

/**
 * The sum over the attempts of an upstream list as NGINX writes it (`0.001, 0.030`, `0.504 : 0.200`, `-`). Null when no
 * attempt has a time or one cannot be read.
 */
export function durationSumOf(value: unknown, microseconds: number): number | null {
  if (typeof value !== 'string' || !(value.includes(',') || value.includes(':')))
    return durationOf(value, microseconds);
  let sum: number | null = null;
  let from = 0;
  for (let at = 0; at <= value.length; at++) {
    const c = value.charCodeAt(at);
    // ',', ':' or the end
    if (at < value.length && c !== 44 && c !== 58) continue;
    const item = value.slice(from, at).trim();
    from = at + 1;
    if (item === '-' || item === '') continue;
    const ms = durationText(item, 0, item.length, microseconds);
    if (ms === null) return null;
    sum = (sum ?? 0) + ms;
  }
  return sum === null ? null : roundMs(sum);
}

function durationText(text: string, from: number, to: number, microseconds: number): number | null {
  let end = to;
  // Units are letters; digits and points end before them.
  while (end > from && text.charCodeAt(end - 1) > ZERO + 9) end -= 1;
  const scale = end === to ? microseconds : SUFFIXES.get(text.slice(end, to));
  const number = decimal(text, from, end);
  return number === null || scale === undefined ? null : milliseconds(number, scale);
}

function milliseconds(value: number, microseconds: number): number {
  return Math.round(value * microseconds) / 1000;
}

function roundMs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function decimal(text: string, from: number, to: number): number | null {
  if (to <= from || to - from > NUMBER_MAX_CHARACTERS) return null;
  let points = 0;
  for (let i = from; i < to; i++) {
    const c = text.charCodeAt(i);
    if (c === DOT) points += 1;
    else if (!(c >= ZERO && c <= ZERO + 9)) return null;
  }
  if (points > 1 || points === to - from) return null;
  return Number(text.slice(from, to));
}
