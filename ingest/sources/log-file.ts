import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { OVERLONG_BYTES } from './over-long.ts';
import { fromSystemError, systemCode, unreadable } from './unreadable.ts';

const NEWLINE = 10;
/** RFC 1952, section 2.3.1. */
const GZIP_MAGIC_1 = 0x1f;
const GZIP_MAGIC_2 = 0x8b;
/** Most first lines of access logs fit. */
const HEAD_FIRST_READ_BYTES = 1024;
/** Bytes in front of a position that must still be there when reading goes on: ends of log lines differ within 64. */
const TAIL_BYTES = 64;
const HEAD_HASH_CHARACTERS = 32;
const TAIL_HASH_CHARACTERS = 16;

/** A log file opened for reading. The descriptor follows the file through renames. */
export interface LogFile {
  readonly handle: FileHandle;
  readonly path: string;
  /** Device and inode as decimal text: inodes may exceed 2^53. */
  readonly device: string;
  readonly inode: string;
  /** As they were when it was opened. */
  readonly size: number;
  readonly mtimeMs: number;
}

/**
 * Opens a regular file; null when there is none at the path. `follow`: symbolic links are followed (the path that the
 * settings name); files found in a folder are not, because whoever may write to the folder could point anywhere.
 * Throws `source_unreadable` with what to change.
 */
export async function openLogFile(path: string, follow: boolean): Promise<LogFile | null> {
  // O_NONBLOCK: opening a pipe without a writer must not hang.
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (follow ? 0 : (constants.O_NOFOLLOW ?? 0));
  let handle: FileHandle;
  try {
    handle = await open(path, flags);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw fromSystemError(path, error);
  }
  try {
    const stat = await handle.stat({ bigint: true });
    if (!stat.isFile())
      throw unreadable(path, 'it is not a regular file: name a file (a pipe is read as standard input)');
    return {
      handle,
      path,
      device: stat.dev.toString(),
      inode: stat.ino.toString(),
      size: Number(stat.size),
      mtimeMs: Number(stat.mtimeMs),
    };
  } catch (error) {
    await handle.close();
    throw fromSystemError(path, error);
  }
}

/** Reads until the buffer is full or the file ends; the number of bytes read. */
export async function readAt(handle: FileHandle, buffer: Buffer, length: number, position: number): Promise<number> {
  let got = 0;
  while (got < length) {
    const { bytesRead } = await handle.read(buffer, got, length - got, position + got);
    if (bytesRead === 0) break;
    got += bytesRead;
  }
  return got;
}

/** What a file begins with. */
export interface FileHead {
  /** The first line with its line end; of an over-long one the beginning. */
  readonly bytes: Buffer;
  /** False while the first line has no end yet. */
  readonly complete: boolean;
  readonly gzip: boolean;
}

export async function readHead(handle: FileHandle): Promise<FileHead> {
  let buffer = Buffer.allocUnsafe(HEAD_FIRST_READ_BYTES);
  let got = await readAt(handle, buffer, buffer.length, 0);
  let end = buffer.subarray(0, got).indexOf(NEWLINE);
  if (end < 0 && got === buffer.length) {
    buffer = Buffer.allocUnsafeSlow(OVERLONG_BYTES);
    got = await readAt(handle, buffer, buffer.length, 0);
    end = buffer.subarray(0, got).indexOf(NEWLINE);
  }
  const bytes = Buffer.from(buffer.subarray(0, end < 0 ? got : end + 1));
  return {
    bytes,
    complete: end >= 0 || got === OVERLONG_BYTES,
    gzip: bytes[0] === GZIP_MAGIC_1 && bytes[1] === GZIP_MAGIC_2,
  };
}

export function headHash(head: Buffer): string {
  return createHash('sha256').update(head).digest('hex').slice(0, HEAD_HASH_CHARACTERS);
}

/** The bytes in front of `position`, at most TAIL_BYTES; null when the file is shorter than that. */
export async function readTail(handle: FileHandle, position: number): Promise<Buffer | null> {
  const tail = Buffer.allocUnsafe(tailLength(position));
  const got = await readAt(handle, tail, tail.length, position - tail.length);
  return got === tail.length ? tail : null;
}

export function tailHash(tail: Buffer): string {
  return createHash('sha256').update(tail).digest('hex').slice(0, TAIL_HASH_CHARACTERS);
}

export function tailLength(position: number): number {
  return Math.min(TAIL_BYTES, position);
}

/** Position of the first byte of the file's last line that has no end yet, or its size when there is none. */
export async function lastLineStart(file: LogFile): Promise<number> {
  const buffer = Buffer.allocUnsafeSlow(OVERLONG_BYTES);
  let end = file.size;
  while (end > 0) {
    const length = Math.min(buffer.length, end);
    const got = await readAt(file.handle, buffer, length, end - length);
    const newline = buffer.subarray(0, got).lastIndexOf(NEWLINE);
    if (newline >= 0) return end - length + newline + 1;
    end -= length;
  }
  return 0;
}
