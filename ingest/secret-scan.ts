/**
 * One look at every character of a text, to tell whether anything in it could be a secret. Most texts hold nothing
 * suspicious and are done with after this. What is suspicious may still be harmless; what is not, is.
 */

/** Part of a secret parameter's name stands somewhere. */
export const STEM = 1;
/** '=' or ':' stands somewhere. */
export const ASSIGNMENT = 2;
export const PERCENT = 4;
export const AT = 8;
/** Beginning of a token of known shape, or of the name of an authentication scheme. */
export const TOKEN_START = 16;
/** A run of token characters as long as OPAQUE_LENGTH. */
export const LONG_RUN = 32;
const RUN = 64;
/** Belongs to a run in standard base64 only. */
const BASE64_RUN = 128;

/** A run of this many characters of hexadecimal or base64url may be a key: 32 hexadecimal digits are 128 bits. */
export const OPAQUE_LENGTH = 32;

/**
 * Three letters of each word that makes a name secret (secret-names.ts), chosen so that everyday names seldom hold them.
 */
const STEMS = 'key tok ecr pas pwd pw= pw[ sig ede uth jwt hma ses sid sse coo cod rif csr xsr otp pin cke aml bea';

/** Three characters of each shape in secret-shapes.ts: JWT, schemes, key prefixes. */
const TOKEN_STARTS =
  'eyj bea bas aki asi sk_ rk_ pk_ sk- gho ghp ghr ghs ghu git glp xox xap whs shp ya2 hvs sg. aiz dop';

/** Of a character's code only the low five bits count, which are the same for a small letter and its capital. */
const LOW_BITS = 31;
const TRIGRAM_MASK = 0x7fff;

const TRIGRAMS = new Uint8Array(TRIGRAM_MASK + 1);
for (const [list, bit] of [
  [STEMS, STEM],
  [TOKEN_STARTS, TOKEN_START],
] as const) {
  for (const trigram of list.split(' ')) {
    let code = 0;
    for (const character of trigram) code = (code << 5) | (character.charCodeAt(0) & LOW_BITS);
    TRIGRAMS[code] = (TRIGRAMS[code] as number) | bit;
  }
}

const CLASS = new Uint8Array(128);
for (const [characters, bits] of [
  ['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', RUN],
  ['+/', BASE64_RUN],
  ['=:', ASSIGNMENT],
  ['%', PERCENT],
  ['@', AT],
] as const) {
  for (const character of characters) CLASS[character.charCodeAt(0)] = bits;
}

const FOUND = STEM | ASSIGNMENT | PERCENT | AT | TOKEN_START | LONG_RUN;

/** What may be in a text, as bits. `base64` says that '+' and '/' belong to tokens too: in values, not in paths. */
export function scanForSecrets(text: string, base64: boolean): number {
  const runBits = base64 ? RUN | BASE64_RUN : RUN;
  let found = 0;
  let trigram = 0;
  let run = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    const bits = c < 128 ? (CLASS[c] as number) : 0;
    trigram = ((trigram << 5) | (c & LOW_BITS)) & TRIGRAM_MASK;
    found |= bits | (TRIGRAMS[trigram] as number);
    if ((bits & runBits) === 0) run = 0;
    else if (++run === OPAQUE_LENGTH) found |= LONG_RUN;
  }
  return found & FOUND;
}

/** Whether a scan's result calls for a closer look. A stem counts only where something is assigned. */
export function isSuspicious(found: number): boolean {
  return (found & ~(STEM | ASSIGNMENT)) !== 0 || (found & (STEM | ASSIGNMENT)) === (STEM | ASSIGNMENT);
}
