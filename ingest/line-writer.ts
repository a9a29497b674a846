/** Room for the longest line there can be: every character of a bounded record escaped, with the numbers between. */
const CAPACITY_BYTES = 1024 * 1024;

const QUOTE = 34;
const BACKSLASH = 92;
const SPACE = 32;
const DELETE = 127;
const ZERO = 48;
const BILLION = 1e9;

/**
 * Writes the JSON of one event line as bytes into a buffer that is used again for every line: no string is built that
 * would only be copied. Printable ASCII is copied character by character, which checks and writes in one go; anything else
 * takes the way over JSON.stringify.
 */
export interface LineWriter {
  /** The line's bytes are [0, length). */
  readonly bytes: Buffer;
  length: number;
  /** Bytes that need no escape, such as punctuation between values; ASCII. */
  raw(text: string): void;
  /** A JSON string, quotes included; lone surrogates become U+FFFD. */
  string(text: string): void;
  /** A whole number of at least 0 and at most 2^53. */
  integer(value: number): void;
}

export function createLineWriter(): LineWriter {
  const bytes = Buffer.alloc(CAPACITY_BYTES);

  function raw(text: string): void {
    let at = writer.length;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    writer.length = at;
  }

  function string(text: string): void {
    let at = writer.length;
    bytes[at++] = QUOTE;
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (c < SPACE || c >= DELETE || c === QUOTE || c === BACKSLASH) {
        writer.length += bytes.write(JSON.stringify(text.toWellFormed()), writer.length, 'utf8');
        return;
      }
      bytes[at++] = c;
    }
    bytes[at++] = QUOTE;
    writer.length = at;
  }

  /** Digits of a number below a billion, at least `width` of them. */
  function digits(value: number, width: number): void {
    let count = 1;
    for (let rest = (value / 10) | 0; rest > 0; rest = (rest / 10) | 0) count += 1;
    if (count < width) count = width;
    let rest = value;
    for (let at = writer.length + count - 1; at >= writer.length; at--) {
      const next = (rest / 10) | 0;
      bytes[at] = ZERO + rest - next * 10;
      rest = next;
    }
    writer.length += count;
  }

  function integer(value: number): void {
    if (value < BILLION) {
      digits(value | 0, 1);
      return;
    }
    const high = Math.floor(value / BILLION);
    digits(high, 1);
    digits(value - high * BILLION, 9);
  }

  const writer: LineWriter = { bytes, length: 0, raw, string, integer };
  return writer;
}
