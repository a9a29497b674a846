/** Rounds of decoding: a value inside a URL inside a value inside a URL. Servers decode once. */
const MAX_ROUNDS = 3;

const PERCENT = 37;
const LOWER_U = 117;
const UPPER_U = 85;

/**
 * Percent-decodes a text until nothing changes, at most MAX_ROUNDS times. For looking at, not for use: bytes beyond ASCII
 * become single characters of Latin-1, a '%' that begins no escape stays. Also reads `%u0041`, which some servers accept.
 * Linear in the length of the text.
 */
export function decodeForInspection(text: string): string {
  let decoded = text;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const next = decodeOnce(decoded);
    if (next === decoded) break;
    decoded = next;
  }
  return decoded;
}

function decodeOnce(text: string): string {
  let at = text.indexOf('%');
  if (at < 0) return text;
  let decoded = '';
  let kept = 0;
  while (at >= 0) {
    const next = text.charCodeAt(at + 1);
    const unicode = next === LOWER_U || next === UPPER_U;
    const code = unicode ? hexAt(text, at + 2, 4) : hexAt(text, at + 1, 2);
    if (code >= 0) {
      decoded += text.slice(kept, at) + String.fromCharCode(code);
      kept = at + (unicode ? 6 : 3);
      at = kept < text.length && text.charCodeAt(kept) === PERCENT ? kept : text.indexOf('%', kept);
    } else at = text.indexOf('%', at + 1);
  }
  return decoded + text.slice(kept);
}

/** The number that `digits` hexadecimal digits at `from` write, or -1. */
function hexAt(text: string, from: number, digits: number): number {
  let value = 0;
  for (let i = from; i < from + digits; i++) {
    const c = text.charCodeAt(i);
    const lower = c | 32;
    if (c >= 48 && c <= 57) value = value * 16 + (c - 48);
    else if (lower >= 97 && lower <= 102) value = value * 16 + (lower - 87);
    else return -1;
  }
  return value;
}
