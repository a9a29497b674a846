import type { DeadLetterReason } from './outcome.ts';

/** Bytes of a bad line that are kept: enough to see what it was, bounded because anybody can send bad lines. */
export const DEAD_LETTER_MAX_BYTES = 8 * 1024;

/** One line that could not be read, as it stands on the `dead-letter` topic (JSON). */
export interface DeadLetter {
  readonly v: 1;
  readonly reason: DeadLetterReason;
  readonly why: string;
  /** Name of the source in the configuration, and its 64-bit id; null for records that no source brought. */
  readonly sourceName: string | null;
  readonly source: string | null;
  readonly position: number | null;
  readonly received: number | null;
  readonly format: string;
  /** base64 of at most DEAD_LETTER_MAX_BYTES bytes. */
  readonly bytes: string;
  readonly truncated: boolean;
}

export function encodeDeadLetter(letter: Omit<DeadLetter, 'v' | 'bytes' | 'truncated'>, line: Uint8Array): Buffer {
  const kept = Buffer.from(line.buffer, line.byteOffset, Math.min(line.byteLength, DEAD_LETTER_MAX_BYTES));
  const record: DeadLetter = {
    v: 1,
    ...letter,
    bytes: kept.toString('base64'),
    truncated: kept.byteLength < line.byteLength,
  };
  return Buffer.from(JSON.stringify(record));
}
