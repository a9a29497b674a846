import { type LogFile, readAt, readHead, readTail, tailLength } from './log-file.ts';
import { OVERLONG_BYTES } from './over-long.ts';
import type { Scratch } from './scratch.ts';
import { fromSystemError } from './unreadable.ts';

const NEWLINE = 10;
/** How much of an over-long line is passed over in one read. */
const SKIP_BYTES = 256 * 1024;

/** A stretch of whole lines, or one that will not become whole. `next` is the position behind it. */
export interface ReadLines {
  readonly type: 'lines';
  readonly bytes: Buffer;
  readonly position: number;
  readonly next: number;
  /** The read was full: there is probably more. */
  readonly more: boolean;
}

export type ReadResult =
  | ReadLines
  /** A part of an over-long line was passed over. */
  | { readonly type: 'skipped' }
  /** No further whole line is there yet. */
  | { readonly type: 'end' }
  /** The file no longer holds what was read from it: it was cut, and perhaps written anew. */
  | { readonly type: 'truncated' };

const SKIPPED: ReadResult = { type: 'skipped' };
const END: ReadResult = { type: 'end' };
const TRUNCATED: ReadResult = { type: 'truncated' };

/** Reads one open file onwards from a position. Calls must not overlap. */
export interface FileReader {
  readonly file: LogFile;
  /** First line, which tells the file from others; null until it is complete. */
  head(): Buffer | null;
  /** Looks whether the first line is complete by now. `final`: what is there counts, the file will not grow. */
  findHead(final: boolean): Promise<boolean>;
  /** Where reading goes on. */
  position(): number;
  /** The last bytes in front of the position. */
  tail(): Buffer;
  /** Bytes of the file, as far as is known without asking. */
  size(): number;
  /** The next whole lines, at most `maxBytes` of them (more than OVERLONG_BYTES), and moves on behind them. */
  read(maxBytes: number): Promise<ReadResult>;
  /** The last line of a file that will not grow, which has no line end; null when there is none. */
  rest(): Promise<ReadLines | null>;
  close(): Promise<void>;
}

/**
 * Each read begins at the bytes in front of the position and, when it found lines, looks at the first line afterwards:
 * a file that was cut and written anew in the meantime shows there, whatever its size. A file written anew with the
 * same first line and the same bytes in front of the position is not noticed.
 *
 * A line that fills a whole read without an end is passed over in bounded memory until its end is found; then its first
 * OVERLONG_BYTES are handed over at its own position, which the line reader refuses, and `next` is behind its end.
 */
export function createFileReader(options: {
  file: LogFile;
  scratch: Scratch;
  head: Buffer | null;
  position: number;
  tail: Buffer;
}): FileReader {
  const { file, scratch } = options;
  const { handle } = file;
  let { head, position, tail } = options;
  let size = Math.max(file.size, position);
  /** Offset up to which the over-long line at `position` was passed over; -1: there is none. */
  let skipped = -1;

  async function headIsSame(): Promise<boolean> {
    if (head === null) return false;
    const buffer = Buffer.allocUnsafe(head.length);
    const got = await readAt(handle, buffer, buffer.length, 0);
    return got === head.length && buffer.equals(head);
  }

  async function readLinesAhead(maxBytes: number): Promise<ReadResult> {
    const check = tail.length;
    const length = check + maxBytes;
    const buffer = scratch.take(length);
    const got = await readAt(handle, buffer, length, position - check);
    if (got < check || buffer.compare(tail, 0, check, 0, check) !== 0) {
      scratch.give(buffer);
      return TRUNCATED;
    }
    const full = got === length;
    size = full ? Math.max(size, position + maxBytes) : position + got - check;
    const newline = got > check ? buffer.lastIndexOf(NEWLINE, got - 1) : -1;
    if (newline < check) {
      scratch.give(buffer);
      if (!full) return END;
      skipped = position + maxBytes;
      return SKIPPED;
    }
    if (!(await headIsSame())) {
      scratch.give(buffer);
      return TRUNCATED;
    }
    const end = newline + 1;
    const at = position;
    position += end - check;
    tail = Buffer.from(buffer.subarray(end - tailLength(position), end));
    const bytes = scratch.detach(buffer, check, end);
    return { type: 'lines', bytes, position: at, next: position, more: full };
  }

  async function skipAhead(): Promise<ReadResult> {
    const buffer = scratch.take(SKIP_BYTES);
    const got = await readAt(handle, buffer, SKIP_BYTES, skipped);
    const newline = buffer.subarray(0, got).indexOf(NEWLINE);
    scratch.give(buffer);
    if (newline >= 0) return (await overlongLine(skipped + newline + 1)) ?? TRUNCATED;
    skipped += got;
    size = Math.max(size, skipped);
    if (got === SKIP_BYTES) return SKIPPED;
    return (await handle.stat()).size < skipped || !(await headIsSame()) ? TRUNCATED : END;
  }

  /** The beginning of the over-long line at `position`, which ends at `next`; null: the file changed. */
  async function overlongLine(next: number): Promise<ReadLines | null> {
    const check = tail.length;
    const buffer = Buffer.allocUnsafeSlow(check + OVERLONG_BYTES);
    const got = await readAt(handle, buffer, buffer.length, position - check);
    const nextTail = await readTail(handle, next);
    if (got < buffer.length || buffer.compare(tail, 0, check, 0, check) !== 0 || nextTail === null) return null;
    if (!(await headIsSame())) return null;
    const at = position;
    position = next;
    tail = nextTail;
    skipped = -1;
    size = Math.max(size, next);
    return { type: 'lines', bytes: buffer.subarray(check), position: at, next, more: true };
  }

  return {
    file,
    head: () => head,
    async findHead(final) {
      if (head !== null) return true;
      const found = await readHead(handle);
      size = Math.max(size, found.bytes.length);
      if (!found.complete && !(final && found.bytes.length > 0)) return false;
      head = found.bytes;
      return true;
    },
    position: () => position,
    tail: () => tail,
    size: () => size,
    async read(maxBytes) {
      try {
        return skipped < 0 ? await readLinesAhead(maxBytes) : await skipAhead();
      } catch (error) {
        throw fromSystemError(file.path, error);
      }
    },
    async rest() {
      const end = (await handle.stat()).size;
      // Grown since the last read: the line may have got its end.
      if (end <= position || end !== size) return null;
      if (end - position >= OVERLONG_BYTES) return overlongLine(end);
      const buffer = Buffer.allocUnsafeSlow(end - position);
      const got = await readAt(handle, buffer, buffer.length, position);
      if (got < buffer.length || buffer.includes(NEWLINE) || !(await headIsSame())) return null;
      const at = position;
      position = end;
      tail = (await readTail(handle, end)) ?? tail;
      return { type: 'lines', bytes: buffer, position: at, next: end, more: false };
    },
    close: () => handle.close(),
  };
}
