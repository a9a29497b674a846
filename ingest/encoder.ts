import { BLOCK_MAX_BYTES, BLOCK_MAX_LINES, type BlockHeader, type BlockRun, encodeHeader } from '../schemas/block.ts';
import { EVENT_COLUMN_NAMES, EVENT_SCHEMA_VERSION } from '../schemas/columns.ts';

/** Room for one more line behind a full block: the longest line that a bounded record can become. */
const LINE_ROOM_BYTES = 1024 * 1024;
const INITIAL_BYTES = 64 * 1024;

export interface Block {
  readonly partition: number;
  readonly value: Buffer;
  readonly lines: number;
}

interface OpenBlock {
  buffer: Buffer;
  length: number;
  lines: number;
  runs: { source: string; first: number; last: number; count: number }[];
}

/**
 * Collects event lines into blocks, one open block a partition. `add` answers true when the partition's block is full
 * and must be taken before more is added.
 */
export interface BlockEncoder {
  add(partition: number, source: string, position: number, bytes: Buffer, length: number): boolean;
  /** The open block of a partition, closed; null when it is empty. */
  take(partition: number, received: number, clock: number | null): Block | null;
  /** Lines in open blocks. */
  pendingLines(): number;
}

export function createBlockEncoder(options: { partitions: number; epoch: number }): BlockEncoder {
  const open: OpenBlock[] = Array.from({ length: options.partitions }, () => ({
    buffer: Buffer.allocUnsafeSlow(INITIAL_BYTES),
    length: 0,
    lines: 0,
    runs: [],
  }));
  let pending = 0;

  function makeRoom(block: OpenBlock, bytes: number): void {
    if (block.buffer.length - block.length >= bytes) return;
    const wider = Buffer.allocUnsafeSlow(Math.max(block.buffer.length * 2, block.length + bytes));
    block.buffer.copy(wider, 0, 0, block.length);
    block.buffer = wider;
  }

  return {
    add(partition, source, position, bytes, length) {
      const block = open[partition] as OpenBlock;
      makeRoom(block, length + 1);
      bytes.copy(block.buffer, block.length, 0, length);
      block.length += length;
      block.buffer[block.length++] = 10;
      block.lines += 1;
      pending += 1;
      const run = block.runs[block.runs.length - 1];
      if (run !== undefined && run.source === source && position > run.last) {
        run.last = position;
        run.count += 1;
      } else {
        block.runs.push({ source, first: position, last: position, count: 1 });
      }
      return block.lines >= BLOCK_MAX_LINES || block.length >= BLOCK_MAX_BYTES;
    },
    take(partition, received, clock) {
      const block = open[partition] as OpenBlock;
      if (block.lines === 0) return null;
      const header: BlockHeader = {
        v: EVENT_SCHEMA_VERSION,
        epoch: options.epoch,
        received,
        clock,
        columns: EVENT_COLUMN_NAMES,
        runs: block.runs as BlockRun[],
      };
      const head = encodeHeader(header);
      const value = Buffer.allocUnsafeSlow(Buffer.byteLength(head) + block.length);
      const start = value.write(head, 0, 'utf8');
      block.buffer.copy(value, start, 0, block.length);
      const { lines } = block;
      if (block.buffer.length > LINE_ROOM_BYTES + BLOCK_MAX_BYTES) block.buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
      pending -= lines;
      block.length = 0;
      block.lines = 0;
      block.runs = [];
      return { partition, value, lines };
    },
    pendingLines: () => pending,
  };
}
