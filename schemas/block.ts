import { EVENT_SCHEMA_VERSION } from './columns.ts';
import type { ControlLine } from './control.ts';

/**
 * A block: the unit on the bus. UTF-8 text. The first line is the header (JSON object); every further line is a JSON
 * array of values in the order of `columns`, beginning with its position, and ends with '\n'.
 *
 * Lines stand in runs: a run is a stretch of consecutive lines of one source with rising positions.
 */
export interface BlockHeader {
  /** Schema version of the lines. */
  readonly v: number;
  /** Number of the configuration that shaped identity, route, redaction and pseudonyms. */
  readonly epoch: number;
  /** When the lines were accepted, ms. Goes into the store, never into detection. */
  readonly received: number;
  /** Logged times later than this + FUTURE_TOLERANCE_MS are read as this; null: times are not clamped (file replay). */
  readonly clock: number | null;
  readonly columns: readonly string[];
  readonly runs: readonly BlockRun[];
  /** A block without lines may carry a control line instead. */
  readonly control?: ControlLine;
}

export interface BlockRun {
  /** 64-bit source id as a decimal string. */
  readonly source: string;
  readonly first: number;
  readonly last: number;
  readonly count: number;
}

/** How far a logged time may lie ahead of the acceptance clock before it is clamped (2 min: usual NTP-less skew). */
export const FUTURE_TOLERANCE_MS = 120_000;

/** A block ends at whichever of these comes first: 50 ms of waiting is the intake's, these two are the encoder's. */
export const BLOCK_MAX_BYTES = 512 * 1024;
export const BLOCK_MAX_LINES = 1_000;

/** A block opened for reading: the header and where its lines begin. */
export interface BlockView {
  readonly header: BlockHeader;
  readonly bytes: Buffer;
  /** Offset of the first line. */
  readonly start: number;
}

/**
 * Opens a block. Throws when the header is not one of ours or of a version that this program does not read: blocks are
 * written by `ingest` alone, so that is a fault of the installation, not of the input.
 */
export function openBlock(value: Uint8Array): BlockView {
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const end = bytes.indexOf(10);
  if (end < 0) throw new Error('block without a header line');
  const header = JSON.parse(bytes.toString('utf8', 0, end)) as BlockHeader;
  if (header.v !== EVENT_SCHEMA_VERSION && header.v !== EVENT_SCHEMA_VERSION - 1) {
    throw new Error(
      `block of schema version ${header.v}; this program reads ${EVENT_SCHEMA_VERSION} and the one before`,
    );
  }
  return { header, bytes, start: end + 1 };
}

/** Header line of a block, newline included. */
export function encodeHeader(header: BlockHeader): string {
  return `${JSON.stringify(header)}\n`;
}

/** The position of the line that begins at `offset` (its first value). */
export function positionAt(bytes: Buffer, offset: number): number {
  let position = 0;
  for (let i = offset + 1; ; i++) {
    const digit = (bytes[i] as number) - 48;
    if (digit < 0 || digit > 9) return position;
    position = position * 10 + digit;
  }
}

/** A block that carries a control line and no events. */
export function encodeControl(control: ControlLine, epoch: number, received: number): Buffer {
  return Buffer.from(
    encodeHeader({ v: EVENT_SCHEMA_VERSION, epoch, received, clock: null, columns: [], runs: [], control }),
  );
}
