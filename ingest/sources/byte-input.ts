import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { fromSystemError, unreadable } from './unreadable.ts';

/** How much compressed data is inflated at a time. Deflate expands at most 1032 times, so at most 33 MiB come of it. */
const INFLATE_BYTES = 32 * 1024;
const INFLATED_PIECE_BYTES = 256 * 1024;
/** RFC 1952, section 2.3.1. */
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

/** Bytes that are read once, from front to back. */
export interface ByteInput {
  /** Fills `target` from `from` on, at least one byte unless the input ends there: then 0. */
  fill(target: Buffer, from: number): Promise<number>;
  /** More can be had without waiting for somebody to write it. */
  ready(): boolean;
  /** Bytes read of the file or stream itself, compressed as it is. */
  bytesRead(): number;
  /** Its size; null when it cannot be known (a pipe). */
  bytesTotal(): number | null;
  close(): Promise<void>;
}

/** Opens a file, or standard input for '-'. gzip is recognised by its first bytes and inflated, members one after another. */
export async function openInput(path: string, stdin: Readable = process.stdin): Promise<ByteInput> {
  const input = path === '-' ? streamInput('standard input', stdin) : await fileInput(path);
  const name = path === '-' ? 'standard input' : path;
  try {
    const start = Buffer.alloc(GZIP_MAGIC.length);
    let got = 0;
    while (got < start.length) {
      const bytes = await input.fill(start, got);
      if (bytes === 0) break;
      got += bytes;
    }
    const whole = withStart(input, start.subarray(0, got));
    return start.equals(GZIP_MAGIC) ? gunzipInput(name, whole) : whole;
  } catch (error) {
    await input.close();
    throw error;
  }
}

async function fileInput(path: string): Promise<ByteInput> {
  let handle: FileHandle;
  let size: number | null;
  try {
    handle = await open(path, 'r');
    const stat = await handle.stat();
    if (stat.isDirectory()) {
      await handle.close();
      throw unreadable(path, 'it is a folder: name a file in it');
    }
    size = stat.isFile() ? stat.size : null;
  } catch (error) {
    throw fromSystemError(path, error);
  }
  let read = 0;
  return {
    async fill(target, from) {
      try {
        const { bytesRead } = await handle.read(target, from, target.length - from, null);
        read += bytesRead;
        return bytesRead;
      } catch (error) {
        throw fromSystemError(path, error);
      }
    },
    ready: () => true,
    bytesRead: () => read,
    bytesTotal: () => size,
    close: () => handle.close(),
  };
}

function streamInput(name: string, stream: Readable): ByteInput {
  const pieces = stream.iterator({ destroyOnReturn: true });
  let piece: Buffer = Buffer.alloc(0);
  let read = 0;
  return {
    async fill(target, from) {
      while (piece.length === 0) {
        const next = await pieces.next().catch((error: unknown) => {
          throw fromSystemError(name, error);
        });
        if (next.done === true) return 0;
        piece = Buffer.isBuffer(next.value) ? next.value : Buffer.from(next.value as string);
        read += piece.length;
      }
      const bytes = piece.copy(target, from);
      piece = piece.subarray(bytes);
      return bytes;
    },
    ready: () => piece.length > 0 || stream.readableLength > 0,
    bytesRead: () => read,
    bytesTotal: () => null,
    async close() {
      await pieces.return?.();
    },
  };
}

/** The input with bytes put back in front of it. */
function withStart(input: ByteInput, start: Buffer): ByteInput {
  let rest = start;
  return {
    ...input,
    ready: () => rest.length > 0 || input.ready(),
    async fill(target, from) {
      if (rest.length === 0) return input.fill(target, from);
      const bytes = rest.copy(target, from);
      rest = rest.subarray(bytes);
      return bytes;
    },
  };
}

/**
 * The inflated input. What can be inflated of a damaged or cut file is given out before the error. Bytes behind the last
 * member that are no member are ignored, as gzip itself does with padding.
 */
function gunzipInput(name: string, input: ByteInput): ByteInput {
  const gunzip = createGunzip({ chunkSize: INFLATED_PIECE_BYTES });
  const compressed = Buffer.allocUnsafeSlow(INFLATE_BYTES);
  const pieces: Buffer[] = [];
  let ended = false;
  let failure: unknown = null;
  gunzip.on('data', (piece: Buffer) => pieces.push(piece));
  gunzip.on('error', (error) => {
    failure = error;
  });

  gunzip.on('end', () => {
    ended = true;
  });

  /** Inflates one more piece of the input; all that comes of it is in `pieces` afterwards. */
  async function inflate(): Promise<void> {
    const bytes = await input.fill(compressed, 0);
    await new Promise<void>((resolve) => {
      // Behind the last member zlib ends by itself, and after an error nothing is called back: both close the stream.
      gunzip.once('end', resolve).once('close', resolve);
      const taken = () => {
        gunzip.off('end', resolve).off('close', resolve);
        resolve();
      };
      if (bytes > 0) gunzip.write(compressed.subarray(0, bytes), taken);
      else gunzip.end();
    });
  }

  return {
    async fill(target, from) {
      for (;;) {
        const [piece] = pieces;
        if (piece !== undefined) {
          const bytes = piece.copy(target, from);
          if (bytes === piece.length) pieces.shift();
          else pieces[0] = piece.subarray(bytes);
          return bytes;
        }
        if (failure !== null) throw unreadable(name, 'its gzip data is damaged or cut short', failure);
        if (ended) return 0;
        await inflate();
      }
    },
    ready: () => pieces.length > 0 || input.ready(),
    bytesRead: input.bytesRead,
    bytesTotal: input.bytesTotal,
    async close() {
      gunzip.destroy();
      await input.close();
    },
  };
}
