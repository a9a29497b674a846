/**
 * What one path segment is: a word of the API, or an id. Told by shape alone, so that the same path always gives the
 * same answer.
 */

/** Longest segment that can be a word of an API, in characters. */
const WORD_MAX_LENGTH = 40;
/** Letters a-f alone are an id from this length on (`deadbeef`); hardly a word is made of them. */
const HEX_MIN_LENGTH = 8;
/** From this length on a segment with digits is an id: 16 base64url characters are 96 bits. */
const OPAQUE_MIN_LENGTH = 16;
/** This many digits make an id of any segment (`order-12345`, `2024-05-17`); versions and names have fewer. */
const ID_MIN_DIGITS = 5;
/** Numbers with dots up to this length are versions (`1.1`, `2.0.1`). */
const VERSION_MAX_LENGTH = 5;

const DIGIT = 1;
const HEX_LOWER = 2;
const HEX_UPPER = 4;
const LOWER = 8;
const UPPER = 16;
const SEPARATOR = 32;
const DOT = 64;
const COLON = 128;
const PARENTHESIS = 256;
const ODD = 512;
const CLASS_BITS = 1023;
const LOWER_CASE = HEX_LOWER | LOWER;
const LETTERS = LOWER_CASE | HEX_UPPER | UPPER;

/** Kinds of characters between which letters and digits take turns. */
const KIND_DIGIT = 1;
const KIND_LOWER = 2;
const KIND_UPPER = 3;
const KIND_SHIFT = 10;

/**
 * Class and, above it, kind of each ASCII character. ODD is what no word holds, but ids may: '%', '@', ',', '=', blanks.
 */
const CLASS = new Uint16Array(128).fill(ODD);
for (const [characters, bits, kind] of [
  ['0123456789', DIGIT, KIND_DIGIT],
  ['abcdef', HEX_LOWER, KIND_LOWER],
  ['ghijklmnopqrstuvwxyz', LOWER, KIND_LOWER],
  ['ABCDEF', HEX_UPPER, KIND_UPPER],
  ['GHIJKLMNOPQRSTUVWXYZ', UPPER, KIND_UPPER],
  ['-_$', SEPARATOR, 0],
  ['.', DOT, 0],
  [':', COLON, 0],
  ['()', PARENTHESIS, 0],
] as const) {
  for (const character of characters) CLASS[character.charCodeAt(0)] = bits | (kind << KIND_SHIFT);
}

/** 1 at 4 * before + after where the kinds of neighbours change. A lower-case letter after a capital is no change. */
const TURN = new Uint8Array(16);
TURN[4 * KIND_DIGIT + KIND_LOWER] = 1;
TURN[4 * KIND_DIGIT + KIND_UPPER] = 1;
TURN[4 * KIND_LOWER + KIND_DIGIT] = 1;
TURN[4 * KIND_UPPER + KIND_DIGIT] = 1;
TURN[4 * KIND_LOWER + KIND_UPPER] = 1;

const SLASH = 47;
const SEMICOLON = 59;
const CLOSE = 41;

/** Endings of what a page is built from: fetched with it, about nobody, so never an object. */
const PAGE_PARTS = new Set('css eot ico js less map mjs otf ttf wasm woff woff2'.split(' '));
/** Endings of other files that are fetched as they are. Endings of programs (`.php`, `.jsp`, `.do`) name routes. */
const FILES = new Set(
  (
    '7z aac apk atom avi avif bin bmp bz2 cer cfg conf crl crt csv dat deb dmg doc docx epub exe flac gif gz heic htm html ' +
    'ics img ini iso jar jpeg jpg json jsonl key log lz4 m3u8 m4a m4s m4v md mov mp3 mp4 mpd mpeg mpg msi odp ods odt oga ' +
    'ogg ogv opus pbf pdf pem pfx png ppt pptx ps rar rpm rss rtf sql svg svgz tar tgz tif tiff toml tsv txt vcf vtt war wav ' +
    'weba webm webp xhtml xls xlsx xml xsd xsl xz yaml yml zip zst'
  ).split(' '),
);
const EXTENSION_MAX_LENGTH = 5;

/** A segment as read, in reused fields. Offsets are into the path. */
export interface PathSegment {
  /** First character that is not of the segment: a slash, or the path's end. */
  end: number;
  /** Where matrix parameters (`;a=b`) begin, else `end`. */
  textEnd: number;
  /** The part that is an id; -1 when none is. What stands around it within the text are words. */
  idFrom: number;
  idTo: number;
  /** The segment is a file's name, and no id: this ending in lower case, else ''. */
  fileExtension: string;
  digits: number;
  turns: number;
  seen: number;
}

export function emptySegment(): PathSegment {
  return { end: 0, textEnd: 0, idFrom: -1, idTo: -1, fileExtension: '', digits: 0, turns: 0, seen: 0 };
}

/**
 * Reads the segment that begins at `from`, which is no slash. `deep` says whether file names are given up for their
 * ending; a file name that itself holds an id is, in any case. Ids are:
 *
 * - numbers, dates, UUIDs, ULIDs, hexadecimal of 8 and more, anything with five digits or more;
 * - 16 letters and digits and more without a break, with a digit or without small letters, and shorter ones in which
 *   letters and digits alternate. Slugs (`oauth2-authorize-endpoint`) are words;
 * - anything with '@', '%', a non-ASCII or other odd character, and anything of more than 40 characters;
 * - the key in `Users(5)` (OData), and what stands before a custom method: `123:cancel`;
 * - the name of a file (`123.json`), on the same terms, unless it is a part of a page (`main.3f2a91c8.js`).
 */
export function readSegment(path: string, from: number, deep: boolean, segment: PathSegment): void {
  measure(path, from, path.length, segment);
  const { textEnd, seen } = segment;
  let { end } = segment;
  if (end < path.length && path.charCodeAt(end) === SEMICOLON) {
    end = path.indexOf('/', end);
    if (end < 0) end = path.length;
    segment.end = end;
  }
  segment.idFrom = -1;
  segment.idTo = -1;
  segment.fileExtension = '';
  if ((seen & DOT) !== 0 && end === path.length && readFile(path, from, deep, segment)) return;
  if (textEnd - from > WORD_MAX_LENGTH) wholly(from, segment);
  else if ((seen & PARENTHESIS) !== 0) readKey(path, from, segment);
  else if ((seen & ODD) === 0 && (seen & COLON) !== 0) readCustomMethod(path, from, segment);
  else if (isId(path, from, textEnd, segment)) wholly(from, segment);
}

function wholly(from: number, segment: PathSegment): void {
  segment.idFrom = from;
  segment.idTo = segment.textEnd;
}

/** Counts what stands from `from` up to a slash, a semicolon or `to`. */
function measure(path: string, from: number, to: number, segment: PathSegment): void {
  let seen = 0;
  let digits = 0;
  let turns = 0;
  let before = 0;
  let at = from;
  for (; at < to; at++) {
    const c = path.charCodeAt(at);
    if (c === SLASH || c === SEMICOLON) break;
    const info = c < 128 ? (CLASS[c] as number) : ODD;
    const kind = info >> KIND_SHIFT;
    seen |= info;
    digits += info & DIGIT;
    turns += TURN[4 * before + kind] as number;
    before = kind;
  }
  segment.end = at;
  segment.textEnd = at;
  segment.seen = seen & CLASS_BITS;
  segment.digits = digits;
  segment.turns = turns;
}

function isId(path: string, from: number, to: number, { seen, digits, turns }: PathSegment): boolean {
  const length = to - from;
  if ((seen & ODD) !== 0 || digits >= ID_MIN_DIGITS || length > WORD_MAX_LENGTH) return true;
  if ((seen & ~(DIGIT | HEX_LOWER | HEX_UPPER)) === 0 && length >= HEX_MIN_LENGTH) return true;
  if (digits > 0 && (seen & LETTERS) === 0) {
    return (seen & ~(DIGIT | DOT)) !== 0 || (seen & DOT) === 0 || length > VERSION_MAX_LENGTH;
  }
  if (digits > 1 && turns >= 4) return true;
  if (length < OPAQUE_MIN_LENGTH || (seen & (DIGIT | HEX_UPPER | UPPER)) === 0) return false;
  return (digits > 0 && turns >= 3) || turns * 4 >= length || hasOpaquePiece(path, from, to);
}

/** Between separators stand OPAQUE_MIN_LENGTH characters with a digit among them, or without small letters. */
function hasOpaquePiece(path: string, from: number, to: number): boolean {
  let length = 0;
  let seen = 0;
  for (let at = from; at < to; at++) {
    const info = CLASS[path.charCodeAt(at)] as number;
    if ((info & (DIGIT | LETTERS)) === 0) {
      length = 0;
      seen = 0;
      continue;
    }
    length += 1;
    seen |= info;
    if (length >= OPAQUE_MIN_LENGTH && ((seen & DIGIT) !== 0 || (seen & LOWER_CASE) === 0)) return true;
  }
  return false;
}

/** True when the last segment is a file name that does not stand as it is. */
function readFile(path: string, from: number, deep: boolean, segment: PathSegment): boolean {
  const { end, textEnd } = segment;
  const dot = path.lastIndexOf('.', textEnd - 1);
  const extension = textEnd - dot - 1;
  if (dot <= from || extension < 1 || extension > EXTENSION_MAX_LENGTH) return false;
  const ending = path.slice(dot + 1, textEnd).toLowerCase();
  const pagePart = PAGE_PARTS.has(ending);
  if (!pagePart && !FILES.has(ending)) return false;
  measure(path, from, dot, segment);
  const named = isId(path, from, dot, segment);
  segment.end = end;
  segment.textEnd = textEnd;
  if (named && !pagePart && (segment.seen & DOT) === 0) {
    segment.idFrom = from;
    segment.idTo = dot;
  } else if (named || deep) segment.fileExtension = ending;
  return true;
}

/** `Users(5)`: the key is the id. Without a key a word; with anything behind the parenthesis wholly an id. */
function readKey(path: string, from: number, segment: PathSegment): void {
  const { end, textEnd } = segment;
  const open = path.indexOf('(', from);
  let word = open > from && open < textEnd && path.charCodeAt(textEnd - 1) === CLOSE;
  if (word) {
    measure(path, from, open, segment);
    word = !isId(path, from, open, segment);
    segment.end = end;
    segment.textEnd = textEnd;
  }
  if (!word) wholly(from, segment);
  else if (open + 2 < textEnd) {
    segment.idFrom = open + 1;
    segment.idTo = textEnd - 1;
  }
}

/** `123:cancel`: the method is a word. A last part that is not made of letters makes an id of the whole. */
function readCustomMethod(path: string, from: number, segment: PathSegment): void {
  const { end, textEnd } = segment;
  const colon = path.lastIndexOf(':', textEnd - 1);
  measure(path, colon + 1, textEnd, segment);
  const word = colon + 1 < textEnd && (segment.seen & ~LETTERS) === 0;
  measure(path, from, colon, segment);
  const named = isId(path, from, colon, segment);
  segment.end = end;
  segment.textEnd = textEnd;
  if (!word) wholly(from, segment);
  else if (named) {
    segment.idFrom = from;
    segment.idTo = colon;
  }
}
