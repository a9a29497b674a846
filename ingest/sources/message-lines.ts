import { gunzipSync } from 'node:zlib';
import { jsonToLines } from './json-lines.ts';

/**
 * Lines that one message can have: a position is offset times this, plus the number of the line. Offsets up to 2^37 then
 * stay exact.
 */
export const LINES_PER_MESSAGE_MAX = 65_536;

/** What a compressed message may unfold to; a record on the broker is 1 MiB by default. */
const INFLATED_MAX_BYTES = 8 * 1024 * 1024;

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const TAB = 9;
const OPEN_BRACKET = 91;
const OPEN_BRACE = 123;
const GZIP_MAGIC_1 = 0x1f;
const GZIP_MAGIC_2 = 0x8b;

/** Lines of a batch of messages, ready for the intake: bytes with line ends, and a position for each line. */
export interface MessageLines {
  /** Adds what stands in one message; returns how many lines that is. */
  add(offset: number, value: Buffer): number;
  readonly lines: number;
  take(): { readonly bytes: Buffer; readonly positions: Float64Array };
}

/**
 * A message holds one line, several lines, or for JSON an array or objects that stand one after another; all of it may be
 * compressed with gzip. What cannot be taken apart (a broken archive, an array that does not end, more lines than a
 * message can have) becomes one line as it is, so that the format refuses it and the dead letter has it: a message costs
 * only itself. Cost of a plain one-line message: one search for a line end and one copy.
 */
export function createMessageLines(json: boolean): MessageLines {
  let out = Buffer.alloc(0);
  let length = 0;
  let positions = new Float64Array(0);
  let lines = 0;

  function reserve(bytes: number): void {
    if (length + bytes > out.length) {
      const grown = Buffer.allocUnsafe(Math.max(64 * 1024, out.length * 2, length + bytes));
      out.copy(grown, 0, 0, length);
      out = grown;
    }
    if (lines === positions.length) {
      const grown = new Float64Array(Math.max(1024, positions.length * 2));
      grown.set(positions);
      positions = grown;
    }
  }

  function put(value: Buffer, from: number, to: number, position: number): void {
    reserve(to - from + 1);
    value.copy(out, length, from, to);
    length += to - from;
    out[length++] = NEWLINE;
    positions[lines++] = position;
  }

  /** Line ends become blanks. */
  function putWhole(value: Buffer, from: number, position: number): void {
    const start = length;
    put(value, from, value.length, position);
    for (let at = out.indexOf(NEWLINE, start); at >= 0 && at < length - 1; at = out.indexOf(NEWLINE, at))
      out[at] = SPACE;
  }

  function putLines(value: Buffer, first: number): number {
    let count = 0;
    for (let from = 0; from < value.length; ) {
      if (count === LINES_PER_MESSAGE_MAX - 1) {
        putWhole(value, from, first + count);
        return count + 1;
      }
      const found = value.indexOf(NEWLINE, from);
      const end = found < 0 ? value.length : found;
      // A blank line between others is none.
      if (end - from > 1 || (end > from && value[from] !== CARRIAGE_RETURN)) {
        put(value, from, end, first + count);
        count += 1;
      }
      from = end + 1;
    }
    return count;
  }

  function unpacked(offset: number, value: Buffer): number {
    const first = offset * LINES_PER_MESSAGE_MAX;
    const end = value.indexOf(NEWLINE);
    const start = json ? skipBlanks(value) : 0;
    if (json && value[start] === OPEN_BRACKET) return fromJson(value, first);
    if (end < 0 || end === value.length - 1) {
      put(value, 0, end < 0 ? value.length : end, first);
      return 1;
    }
    // Objects over several lines; one object a line reads faster as lines.
    if (json && value[start] === OPEN_BRACE && value[skipBlanks(value, end)] !== OPEN_BRACE)
      return fromJson(value, first);
    return putLines(value, first);
  }

  function fromJson(value: Buffer, first: number): number {
    const found = jsonToLines(Buffer.from(value));
    if (found !== null) return putLines(found.bytes, first);
    putWhole(value, 0, first);
    return 1;
  }

  return {
    add(offset, value) {
      if (value.length === 0) return 0;
      if (value[0] !== GZIP_MAGIC_1 || value[1] !== GZIP_MAGIC_2) return unpacked(offset, value);
      let inflated: Buffer;
      try {
        inflated = gunzipSync(value, { maxOutputLength: INFLATED_MAX_BYTES });
      } catch {
        putWhole(value, 0, offset * LINES_PER_MESSAGE_MAX);
        return 1;
      }
      return inflated.length === 0 ? 0 : unpacked(offset, inflated);
    },
    get lines() {
      return lines;
    },
    take() {
      const taken = { bytes: out.subarray(0, length), positions: positions.subarray(0, lines) };
      out = Buffer.alloc(0);
      positions = new Float64Array(0);
      length = 0;
      lines = 0;
      return taken;
    },
  };
}

function skipBlanks(value: Buffer, from = 0): number {
  let at = from;
  while (at < value.length && isBlank(value[at])) at += 1;
  return at;
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === NEWLINE || byte === CARRIAGE_RETURN || byte === TAB;
}
