import type { Readable } from 'node:stream';
import { type ByteInput, openInput } from './byte-input.ts';
import { OVERLONG_BYTES } from './over-long.ts';

const NEWLINE = 10;
/** Large enough that work per chunk does not show beside work per line. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** A stretch of whole lines. The last one of an input may lack its line end, and so does an over-long line. */
export interface Chunk {
  /** Belongs to the receiver. */
  readonly bytes: Buffer;
  /** Offset of the first byte, in the inflated data. */
  readonly position: number;
  /** Bytes read so far of the input itself, compressed as it is, and its size; null: not known. */
  readonly inputBytes: number;
  readonly inputTotal: number | null;
}

/**
 * Reads a file ('-': standard input), plain or gzip, in chunks of whole lines. A plain file is read in place: only the
 * beginning of a line that the chunk cuts is copied, to the front of the next chunk.
 *
 * A line longer than a whole chunk is passed over in bounded memory; its first OVERLONG_BYTES come as a chunk of their
 * own, at its position, and are refused by the line reader.
 *
 * Throws `source_unreadable`; of damaged gzip data after all that could be inflated.
 */
export async function* readChunks(
  path: string,
  options: { chunkBytes?: number; stdin?: Readable } = {},
): AsyncGenerator<Chunk, void, undefined> {
  const chunkBytes = Math.max(options.chunkBytes ?? CHUNK_BYTES, 2 * OVERLONG_BYTES);
  const input = await openInput(path, options.stdin);
  const chunk = (bytes: Buffer, position: number): Chunk => ({
    bytes,
    position,
    inputBytes: input.bytesRead(),
    inputTotal: input.bytesTotal(),
  });
  try {
    let position = 0;
    let buffer = Buffer.allocUnsafeSlow(chunkBytes);
    /** Beginning of a line at the front of the buffer, to go on with. */
    let carried = 0;
    for (;;) {
      const { length, ended, failure } = await fillUp(input, buffer, carried);
      const newline = length === 0 ? -1 : buffer.lastIndexOf(NEWLINE, length - 1);
      // Of damaged data the last line, which is cut, is not given out.
      const end = ended && failure === null ? length : newline + 1;
      if (end > 0) {
        const from: Buffer = buffer;
        if (end > chunkBytes / 2) buffer = Buffer.allocUnsafeSlow(chunkBytes);
        const bytes = buffer === from ? Buffer.from(from.subarray(0, end)) : from.subarray(0, end);
        carried = from.copy(buffer, 0, end, length);
        yield chunk(bytes, position);
        position += end;
      }
      if (failure !== null) throw failure;
      if (ended) return;
      if (end > 0) continue;
      const piece = Buffer.from(buffer.subarray(0, OVERLONG_BYTES));
      const skipped = await skipLine(input, buffer);
      yield chunk(piece, position);
      position += length + skipped.bytes;
      carried = skipped.carried;
    }
  } finally {
    await input.close();
  }
}

interface Filled {
  readonly length: number;
  readonly ended: boolean;
  /** Why nothing more comes, when that is an error. */
  readonly failure: unknown;
}

/** Fills the buffer from `from` on until it is full, the input ends, or it holds a whole line and more has to be waited for. */
async function fillUp(input: ByteInput, buffer: Buffer, from: number): Promise<Filled> {
  let length = from;
  let hasLine = buffer.subarray(0, from).includes(NEWLINE);
  try {
    while (length < buffer.length && (input.ready() || !hasLine)) {
      const bytes = await input.fill(buffer, length);
      if (bytes === 0) return { length, ended: true, failure: null };
      hasLine ||= buffer.subarray(length, length + bytes).includes(NEWLINE);
      length += bytes;
    }
  } catch (failure) {
    return { length, ended: true, failure };
  }
  return { length, ended: false, failure: null };
}

/** Passes over the rest of a line. What was read behind its end is at the front of the buffer afterwards. */
async function skipLine(input: ByteInput, buffer: Buffer): Promise<{ bytes: number; carried: number }> {
  let bytes = 0;
  for (;;) {
    const got = await input.fill(buffer, 0);
    if (got === 0) return { bytes, carried: 0 };
    const end = buffer.subarray(0, got).indexOf(NEWLINE) + 1;
    bytes += end === 0 ? got : end;
    if (end > 0) return { bytes, carried: buffer.copy(buffer, 0, end, got) };
  }
}
