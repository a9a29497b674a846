import { gunzipSync } from 'node:zlib';
import type { DeadLetterReason } from '../../schemas/outcome.ts';
import type { Refused } from '../intake.ts';
import { jsonToLines } from './json-lines.ts';

/**
 * Lines that one message can have: a position is offset times this, plus the number of the line. Offsets up to 2^37 then
 * stay exact.
 */
export const LINES_PER_MESSAGE_MAX = 65_536;

/** What a compressed message may unfold to: the largest body of the HTTP source; a record on a broker has 1 MiB by default. */
const INFLATED_MAX_BYTES = 8 * 1024 * 1024;

/** From here on lines are handed over before more are added: a small archive may unfold to a thousand times its size. */
const FULL_BYTES = 4 * 1024 * 1024;
const FULL_LINES = LINES_PER_MESSAGE_MAX;

const INITIAL_BYTES = 64 * 1024;
const INITIAL_LINES = 1024;

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const TAB = 9;
const OPEN_BRACKET = 91;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const GZIP_MAGIC_1 = 0x1f;
const GZIP_MAGIC_2 = 0x8b;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf] as const;

const NOT_GZIP = 'the message is not a whole gzip archive';
const INFLATES_TOO_FAR = `the message inflates to more than ${INFLATED_MAX_BYTES} bytes`;
const TOO_MANY_LINES = `the message holds more than ${LINES_PER_MESSAGE_MAX} lines: these are behind them`;
const NOT_AN_ARRAY = 'the JSON array of the message does not end, or something stands behind it';
const NOT_OBJECTS = 'the message is neither one JSON object, nor several one after another, nor one a line';

/** Lines of some messages, ready for the intake: bytes with line ends, a position for each line, and what was refused. */
export interface MessageLines {
  /** Adds what stands in one message; returns how many lines and refusals that is. */
  add(offset: number, value: Buffer): number;
  /** Enough for one hand-over. */
  readonly full: boolean;
  /** Valid until `clear`, which uses the memory again. */
  readonly bytes: Buffer;
  readonly positions: Float64Array;
  readonly refused: readonly Refused[];
  clear(): void;
}

/**
 * A message holds one line, several lines, or for JSON an array or objects that stand one after another; all of it may be
 * compressed with gzip. What cannot be taken apart is refused: a broken archive or array costs its own message, lines
 * beyond LINES_PER_MESSAGE_MAX only themselves. Blank lines between others are none, so a line's number depends on the
 * message alone. Cost of a plain one-line message: one search for a line end and one copy.
 *
 * Misses: other compressions of single messages, archives inside archives, objects glued together on one line.
 */
export function createMessageLines(json: boolean): MessageLines {
  let out = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  let length = 0;
  let positions = new Float64Array(INITIAL_LINES);
  let lines = 0;
  let refused: Refused[] = [];
  let refusedBytes = 0;

  function reserve(bytes: number): void {
    if (length + bytes > out.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(out.length * 2, length + bytes));
      out.copy(grown, 0, 0, length);
      out = grown;
    }
    if (lines === positions.length) {
      const grown = new Float64Array(positions.length * 2);
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

  function refuse(reason: DeadLetterReason, why: string, position: number, bytes: Buffer): number {
    refused.push({ reason, why, position, bytes });
    refusedBytes += bytes.length;
    return 1;
  }

  function putLines(value: Buffer, first: number): number {
    let count = 0;
    for (let from = 0; from < value.length; ) {
      const found = value.indexOf(NEWLINE, from);
      const end = found < 0 ? value.length : found;
      if (end - from > 1 || (end > from && value[from] !== CARRIAGE_RETURN)) {
        if (count === LINES_PER_MESSAGE_MAX) {
          return count + refuse('too_long', TOO_MANY_LINES, first + count - 1, value.subarray(from));
        }
        put(value, from, end, first + count);
        count += 1;
      }
      from = end + 1;
    }
    return count;
  }

  function unpacked(value: Buffer, first: number): number {
    const end = value.indexOf(NEWLINE);
    const start = json ? skipBlanks(value, startsWithMark(value) ? BYTE_ORDER_MARK.length : 0) : 0;
    if (json && value[start] === OPEN_BRACKET) {
      const found = jsonToLines(Buffer.from(value));
      return found === null ? refuse('invalid_json', NOT_AN_ARRAY, first, value) : putLines(found.bytes, first);
    }
    if (end < 0 || end === value.length - 1) {
      put(value, 0, end < 0 ? value.length : end, first);
      return 1;
    }
    // One object a line reads faster as lines.
    if (!json || value[start] !== OPEN_BRACE || isObjectEachLine(value, start)) return putLines(value, first);
    const found = jsonToLines(Buffer.from(value));
    if (found !== null) return putLines(found.bytes, first);
    // A bad line among good ones costs only itself; an object over several lines is not made of lines.
    if (value[lastInk(value, end)] === CLOSE_BRACE) return putLines(value, first);
    return refuse('invalid_json', NOT_OBJECTS, first, value);
  }

  return {
    add(offset, value) {
      const first = offset * LINES_PER_MESSAGE_MAX;
      if (value.length === 0) return 0;
      if (value[0] !== GZIP_MAGIC_1 || value[1] !== GZIP_MAGIC_2) return unpacked(value, first);
      let inflated: Buffer;
      try {
        inflated = gunzipSync(value, { maxOutputLength: INFLATED_MAX_BYTES });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
          return refuse('too_long', INFLATES_TOO_FAR, first, value);
        }
        return refuse('invalid_gzip', NOT_GZIP, first, value);
      }
      return inflated.length === 0 ? 0 : unpacked(inflated, first);
    },
    get full() {
      return length + refusedBytes >= FULL_BYTES || lines >= FULL_LINES;
    },
    get bytes() {
      return out.subarray(0, length);
    },
    get positions() {
      return positions.subarray(0, lines);
    },
    get refused() {
      return refused;
    },
    clear() {
      // What one enormous message made larger is not kept.
      if (out.length > 2 * FULL_BYTES) out = Buffer.allocUnsafeSlow(INITIAL_BYTES);
      length = 0;
      lines = 0;
      refused = [];
      refusedBytes = 0;
    },
  };
}

function startsWithMark(value: Buffer): boolean {
  return value[0] === BYTE_ORDER_MARK[0] && value[1] === BYTE_ORDER_MARK[1] && value[2] === BYTE_ORDER_MARK[2];
}

/** Whether each line begins and ends like an object. Blank lines count as such. */
function isObjectEachLine(value: Buffer, start: number): boolean {
  for (let from = start; from < value.length; ) {
    const found = value.indexOf(NEWLINE, from);
    const end = found < 0 ? value.length : found;
    if (value[from] !== OPEN_BRACE || value[lastInk(value, end)] !== CLOSE_BRACE) return false;
    from = skipBlanks(value, end);
  }
  return true;
}

function skipBlanks(value: Buffer, from: number): number {
  let at = from;
  while (at < value.length && isBlank(value[at])) at += 1;
  return at;
}

/** The last byte before `end` that is not blank. */
function lastInk(value: Buffer, end: number): number {
  let at = end - 1;
  while (at >= 0 && isBlank(value[at])) at -= 1;
  return at;
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === NEWLINE || byte === CARRIAGE_RETURN || byte === TAB;
}
