import type { Reading } from './durations.ts';
import { quoted } from './problem.ts';

/** An amount of memory or disk. */
export interface Size {
  /** Whole bytes. */
  readonly bytes: number;
}

/** IEC 80000-13 binary prefixes, and the decimal ones of SI. */
const UNITS_BYTES: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['KiB', 1024],
  ['MiB', 1024 ** 2],
  ['GiB', 1024 ** 3],
  ['TiB', 1024 ** 4],
  ['kB', 1000],
  ['MB', 1000 ** 2],
  ['GB', 1000 ** 3],
  ['TB', 1000 ** 4],
]);
const SIZE_WORDS = 'a size is one number and one of B, KiB, MiB, GiB, TiB (or kB, MB, GB, TB)';

/**
 * Reads `4GiB`, `512 MiB`, `1.5GiB`, `65536B`, `2GB`. Never throws. Refuses a number without a unit, an unclear unit such
 * as `4G`, and what is not a whole number of bytes.
 */
export function parseSize(written: unknown): Reading<Size> {
  if (typeof written === 'number') {
    return { ok: false, message: `${SIZE_WORDS}: ${quoted(written)} has no unit`, fix: readable(`${written}B`) };
  }
  if (typeof written !== 'string') return { ok: false, message: SIZE_WORDS, fix: EXAMPLE };
  const match = /^(\d{1,16}(?:\.\d{1,9})?)\s?([a-z]{1,5})$/i.exec(written.trim());
  const unitBytes = UNITS_BYTES.get(match?.[2] ?? '');
  if (match === null || unitBytes === undefined) {
    return { ok: false, message: `${SIZE_WORDS}, not ${quoted(written)}`, fix: readable(suggestedSize(match)) };
  }
  const bytes = Number(match[1]) * unitBytes;
  const whole = Math.round(bytes);
  // The slack is for decimals that binary cannot hold (0.1 kB), not for fractions of a byte.
  if (Math.abs(bytes - whole) > 1e-3 || !Number.isSafeInteger(whole)) {
    return {
      ok: false,
      message: `${quoted(written)} is not a whole number of bytes`,
      fix: Number.isSafeInteger(whole) ? `${whole}B` : EXAMPLE,
    };
  }
  return { ok: true, value: { bytes: whole } };
}

const EXAMPLE = '1GiB';

/** The suggestion when it can be read itself, else an example. */
function readable(suggestion: string): string {
  return suggestion === EXAMPLE || parseSize(suggestion).ok ? suggestion : EXAMPLE;
}

/** `4g`, `4gb`, `4GIB` all most likely mean 4 GiB. */
function suggestedSize(match: RegExpExecArray | null): string {
  const prefix = match?.[2]?.[0]?.toUpperCase() ?? '';
  if (match === null || !'BKMGT'.includes(prefix)) return EXAMPLE;
  return prefix === 'B' ? `${match[1]}B` : `${match[1]}${prefix}iB`;
}
