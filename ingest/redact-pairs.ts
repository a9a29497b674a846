import { REDACTED } from './redaction-words.ts';
import { secretGrade } from './secret-names.ts';

const ASSIGNMENT = /[=:]/g;
/** Longest name that is read backwards from an assignment; longer ones end in the same words. */
const NAME_MAX_LENGTH = 128;
/** Blanks, backslashes and quotes between name, sign and value: `\"token\" : \"x\"` has two on each side. */
const GAP_MAX_LENGTH = 6;
/** Word of an authentication scheme, behind which the secret itself comes. */
const SCHEME_WORD = /(?:apikey|digest|negotiate|token|bearer|basic)[\s+]+/iy;

const DOUBLE_QUOTE = 34;
const SINGLE_QUOTE = 39;
const SLASH = 47;
const COLON = 58;
const BACKSLASH = 92;

/**
 * Replaces the values of secret names inside a text that is no query of its own: `;jsessionid=x` in a path, a query
 * within a value, JSON (`{"token":"x"}`). `slashEnds`: a slash ends a value, as in a path. Names as secret-names.ts has
 * them; before a bare ':' only those that say secret in themselves, since `key:asc` is no secret.
 * Linear in the length of the text.
 */
export function redactPairs(text: string, slashEnds: boolean): string {
  let out = '';
  let copied = 0;
  ASSIGNMENT.lastIndex = 0;
  for (let match = ASSIGNMENT.exec(text); match !== null; match = ASSIGNMENT.exec(text)) {
    const sign = match.index;
    const nameEnd = skipBack(text, sign, copied);
    let name = nameEnd;
    const limit = Math.max(copied, nameEnd - NAME_MAX_LENGTH);
    while (name > limit && isNameCharacter(text.charCodeAt(name - 1))) name -= 1;
    if (name === nameEnd) continue;
    const grade = secretGrade(text.slice(name, nameEnd));
    if (grade === 0) continue;
    const value = skipForward(text, sign + 1);
    const quote = quoteBefore(text, value, sign + 1);
    const bareColon = text.charCodeAt(sign) === COLON && quote === 0 && nameEnd === sign;
    if (bareColon && (grade === 1 || text.charCodeAt(value) === SLASH)) continue;
    const end = quote === 0 ? bareValueEnd(text, value, slashEnds) : quotedValueEnd(text, value, quote);
    if (end === value) continue;
    out += text.slice(copied, value) + REDACTED;
    copied = end;
    ASSIGNMENT.lastIndex = end;
  }
  return copied === 0 ? text : out + text.slice(copied);
}

function isNameCharacter(c: number): boolean {
  // Letters, digits, $ % - . [ ] _
  return (
    (c >= 97 && c <= 122) ||
    (c >= 65 && c <= 90) ||
    (c >= 48 && c <= 57) ||
    c === 36 ||
    c === 37 ||
    c === 45 ||
    c === 46 ||
    c === 91 ||
    c === 93 ||
    c === 95
  );
}

function isGap(c: number): boolean {
  return c === 32 || c === 9 || c === DOUBLE_QUOTE || c === SINGLE_QUOTE || c === BACKSLASH;
}

function skipBack(text: string, from: number, floor: number): number {
  let at = from;
  while (at > floor && from - at < GAP_MAX_LENGTH && isGap(text.charCodeAt(at - 1))) at -= 1;
  return at;
}

function skipForward(text: string, from: number): number {
  let at = from;
  while (at < text.length && at - from < GAP_MAX_LENGTH && isGap(text.charCodeAt(at))) at += 1;
  return at;
}

/** The quote that opens the value at `value`, or 0. */
function quoteBefore(text: string, value: number, from: number): number {
  const c = value > from ? text.charCodeAt(value - 1) : 0;
  return c === DOUBLE_QUOTE || c === SINGLE_QUOTE ? c : 0;
}

function quotedValueEnd(text: string, from: number, quote: number): number {
  const end = text.indexOf(String.fromCharCode(quote), from);
  return end < 0 ? text.length : end;
}

function bareValueEnd(text: string, from: number, slashEnds: boolean): number {
  SCHEME_WORD.lastIndex = from;
  let at = SCHEME_WORD.test(text) ? SCHEME_WORD.lastIndex : from;
  while (at < text.length && !endsValue(text.charCodeAt(at)) && !(slashEnds && text.charCodeAt(at) === SLASH)) at += 1;
  return at;
}

/** Blanks, quotes, brackets but square ones, '#', '&', ';', '|'. */
function endsValue(c: number): boolean {
  return (
    c <= 32 ||
    c === DOUBLE_QUOTE ||
    c === 35 ||
    c === 38 ||
    (c >= 39 && c <= 41) ||
    c === 59 ||
    c === 60 ||
    c === 62 ||
    (c >= 123 && c <= 125)
  );
}
