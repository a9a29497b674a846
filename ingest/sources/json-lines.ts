/** Lines in one buffer, and how many they are. */
export interface Lines {
  readonly bytes: Buffer;
  readonly count: number;
}

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const TAB = 9;
const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Turns a JSON body into lines: each element of an array, or each of the objects that stand one after another with
 * white space between, becomes one line with its text as sent. Line breaks inside become blanks, which mean the same in
 * JSON. Works in place: the body is overwritten and the lines are a part of it.
 *
 * Elements are told apart by quotes and brackets alone, so one that is not valid JSON costs only itself, unless its own
 * quotes or brackets do not pair up. null: the body is neither an object nor an array to its end.
 */
export function jsonToLines(body: Buffer): Lines | null {
  const start = skipBlanks(body, body.indexOf(BYTE_ORDER_MARK) === 0 ? BYTE_ORDER_MARK.length : 0);
  const isArray = body[start] === OPEN_BRACKET;
  if (!isArray && body[start] !== OPEN_BRACE) return null;
  const end = body.length;
  let at = isArray ? start + 1 : start;
  let from = at;
  let depth = 0;
  let written = 0;
  let count = 0;

  /** Moves an element to the lines written so far. They never reach as far as `from`: a separator stood before it. */
  function emit(to: number): void {
    let first = skipBlanks(body, from);
    let last = to;
    while (last > first && isBlank(body[last - 1])) last -= 1;
    if (first > to) first = to;
    body.copyWithin(written, first, last);
    written += last - first;
    // A single object may fill the body; the last line needs no end.
    if (written < end) body[written++] = NEWLINE;
    count += 1;
  }

  for (; at < end; at++) {
    switch (body[at]) {
      case NEWLINE:
      case CARRIAGE_RETURN:
        body[at] = SPACE;
        break;
      case QUOTE:
        at = skipString(body, at);
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        // Nothing but white space may stand between objects.
        if (depth === 0 && !isArray && skipBlanks(body, from) !== at) return null;
        depth += 1;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        if (depth > 0) {
          depth -= 1;
          if (depth === 0 && !isArray) {
            // The line end may take the place of the white space behind the object, so there has to be some.
            if (at + 1 < end && !isBlank(body[at + 1])) return null;
            emit(at + 1);
            at += 1;
            from = at + 1;
          }
        } else if (isArray && body[at] === CLOSE_BRACKET) {
          if (skipBlanks(body, at + 1) !== end) return null;
          if (count > 0 || skipBlanks(body, from) < at) emit(at);
          return { bytes: body.subarray(0, written), count };
        }
        break;
      case COMMA:
        if (depth === 0 && isArray) {
          emit(at);
          from = at + 1;
        }
        break;
      default:
    }
  }
  if (isArray || depth > 0 || count === 0 || skipBlanks(body, from) < end) return null;
  return { bytes: body.subarray(0, written), count };
}

/** The offset of the quote that ends the string which begins at `at`, or the end of the body. */
function skipString(body: Buffer, at: number): number {
  for (let i = at + 1; i < body.length; i++) {
    const byte = body[i];
    if (byte === QUOTE) return i;
    if (byte === BACKSLASH) i += 1;
    if (body[i] === NEWLINE || body[i] === CARRIAGE_RETURN) body[i] = SPACE;
  }
  return body.length;
}

function skipBlanks(body: Buffer, from: number): number {
  let at = from;
  while (at < body.length && isBlank(body[at])) at += 1;
  return at;
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === NEWLINE || byte === CARRIAGE_RETURN || byte === TAB;
}
