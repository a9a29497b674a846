import { OPAQUE_LENGTH } from './secret-scan.ts';

const UUID_LENGTH = 36;
/** Offsets of the dashes in a UUID (RFC 9562). */
const UUID_DASHES = [8, 13, 18, 23] as const;
const DASH = 45;

const DIGIT = 1;
const LOWER = 2;
const UPPER = 3;

/** Text with two digits or more is random from one change between letters and digits, or small to capital, in so many. */
const TURN_EVERY = 6;
/** Text of small and capital letters is random when half of all neighbours differ in kind or are both capitals. */
const MIXED_EVERY = 2;
/** Letters of one case are too few to call a text mixed when they are fewer than one in so many. */
const CASE_EVERY = 6;

/**
 * True when a run of base64, base64url or hexadecimal characters looks random rather than made of words. UUIDs are left
 * out; of the rest there must be OPAQUE_LENGTH characters, and one of these hold:
 *
 * - so many letters and digits without a break, with a digit among them or without small letters;
 * - letters and digits alternate, or capitals begin, as often as in random text and hardly ever in slugs
 *   (`how-to-plan-a-trip-in-2024`) and camelCase names;
 * - capitals and small letters mix as in random text: words have one capital each, or are all capitals.
 *
 * Of random text of 32 characters it misses about one in 1,000 (base64url) or none (hexadecimal); measured, as were the
 * bounds. Misses: secrets made of words, and small letters without a digit.
 */
export function isOpaque(text: string, from: number, to: number): boolean {
  let length = 0;
  let digits = 0;
  let lower = 0;
  let upper = 0;
  let turns = 0;
  let mixed = 0;
  let before = 0;
  let piece = 0;
  let pieceDigits = 0;
  let pieceLower = 0;
  let at = from;
  while (at < to) {
    if (before === 0 && isUuid(text, at, to)) {
      at += UUID_LENGTH;
      continue;
    }
    const kind = kindOf(text.charCodeAt(at));
    length += 1;
    at += 1;
    piece += 1;
    if (kind === DIGIT) {
      digits += 1;
      pieceDigits += 1;
    } else if (kind === LOWER) {
      lower += 1;
      pieceLower += 1;
    } else if (kind === UPPER) upper += 1;
    else {
      piece = 0;
      pieceDigits = 0;
      pieceLower = 0;
    }
    if (before !== 0 && kind !== 0) {
      if (before !== kind && (before !== UPPER || kind !== LOWER)) turns += 1;
      if (before !== kind || kind === UPPER) mixed += 1;
    }
    if (piece >= OPAQUE_LENGTH && (pieceDigits > 0 || pieceLower === 0)) return true;
    before = kind;
  }
  if (length < OPAQUE_LENGTH) return false;
  if (digits > 1 && turns * TURN_EVERY >= length) return true;
  return lower * CASE_EVERY >= length && upper * CASE_EVERY >= length && mixed * MIXED_EVERY >= length;
}

function kindOf(c: number): number {
  if (c >= 97 && c <= 122) return LOWER;
  if (c >= 65 && c <= 90) return UPPER;
  return c >= 48 && c <= 57 ? DIGIT : 0;
}

/** A UUID stands at `from`, with no letter or digit behind it. */
function isUuid(text: string, from: number, to: number): boolean {
  if (to - from < UUID_LENGTH) return false;
  for (const dash of UUID_DASHES) if (text.charCodeAt(from + dash) !== DASH) return false;
  for (let i = 0; i < UUID_LENGTH; i++) {
    const c = text.charCodeAt(from + i);
    const lower = c | 32;
    const hex = (c >= 48 && c <= 57) || (lower >= 97 && lower <= 102);
    if (!hex && c !== DASH) return false;
  }
  return to - from === UUID_LENGTH || kindOf(text.charCodeAt(from + UUID_LENGTH)) === 0;
}
