import { quoted } from './problem.ts';

/** A stretch of time. The unit stands in the field, so that nobody has to remember it. */
export interface Duration {
  /** Whole milliseconds. */
  readonly ms: number;
}

/** What a reader of a written value returns: the value, or what is wrong and what to write. */
export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly message: string; readonly fix: string };

const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);
const DURATION_WORDS = 'a duration is one number and one of ms, s, m, h, d';

/**
 * Reads `500ms`, `10s`, `5m`, `24h`, `1.5h`, `30d`; a day is 24 hours. Never throws.
 * Refuses a number without a unit, several units in a row, and what is not a whole number of milliseconds.
 */
export function parseDuration(written: unknown): Reading<Duration> {
  if (typeof written === 'number') {
    return { ok: false, message: `${DURATION_WORDS}: ${quoted(written)} has no unit`, fix: readable(`${written}s`) };
  }
  if (typeof written !== 'string') return { ok: false, message: DURATION_WORDS, fix: EXAMPLE };
  const match = /^(\d{1,15}(?:\.\d{1,9})?)\s?([a-z]{1,12})$/i.exec(written.trim());
  const unitMs = UNITS_MS.get(match?.[2] ?? '');
  if (match === null || unitMs === undefined) {
    return {
      ok: false,
      message: `${DURATION_WORDS}, not ${quoted(written)}`,
      fix: readable(suggestedDuration(written, match)),
    };
  }
  const ms = Number(match[1]) * unitMs;
  // Decimals such as 0.1s are not exact in binary; a microsecond of slack separates them from a real fraction of 1 ms.
  const whole = Math.round(ms);
  if (Math.abs(ms - whole) > 1e-3 || !Number.isSafeInteger(whole)) {
    return {
      ok: false,
      message: `${quoted(written)} is not a whole number of milliseconds`,
      fix: Number.isSafeInteger(whole) ? `${whole}ms` : EXAMPLE,
    };
  }
  return { ok: true, value: { ms: whole } };
}

const EXAMPLE = '10s';

/** The suggestion when it can be read itself, else an example. */
function readable(suggestion: string): string {
  return suggestion === EXAMPLE || parseDuration(suggestion).ok ? suggestion : EXAMPLE;
}

/** What people write for the units. */
const UNIT_WORDS: readonly (readonly [unit: string, words: readonly string[]])[] = [
  ['ms', ['ms', 'msec', 'millis', 'millisecond', 'milliseconds']],
  ['s', ['s', 'sec', 'secs', 'second', 'seconds']],
  ['m', ['m', 'min', 'mins', 'minute', 'minutes']],
  ['h', ['h', 'hr', 'hrs', 'hour', 'hours']],
  ['d', ['d', 'day', 'days']],
];

function suggestedDuration(written: string, match: RegExpExecArray | null): string {
  const word = match?.[2]?.toLowerCase() ?? '';
  const unit = UNIT_WORDS.find(([, words]) => words.includes(word))?.[0];
  if (match !== null && unit !== undefined) return `${match[1]}${unit}`;
  return compoundDuration(written) ?? EXAMPLE;
}

/** `1h30m`, as other tools write it, in its smallest unit: `90m`. */
function compoundDuration(written: string): string | null {
  const parts = [...written.slice(0, QUICK_LOOK_CHARS).matchAll(/(\d{1,6})(ms|s|m|h|d)/g)];
  if (parts.length < 2 || parts.map(([part]) => part).join('') !== written.trim()) return null;
  const smallest = parts.at(-1)?.[2] ?? 'ms';
  const ms = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS_MS.get(unit ?? '') ?? 0), 0);
  const count = ms / (UNITS_MS.get(smallest) ?? 1);
  return Number.isInteger(count) ? `${count}${smallest}` : null;
}

const QUICK_LOOK_CHARS = 40;
