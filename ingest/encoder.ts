import { BLOCK_MAX_BYTES, BLOCK_MAX_LINES, type BlockHeader, encodeHeader } from '../schemas/block.ts';
import { EVENT_COLUMN_NAMES, EVENT_SCHEMA_VERSION } from '../schemas/columns.ts';

/** Room for the header in front of the lines; a longer one (many runs) is written into a buffer of its own. */
const HEADER_ROOM_BYTES = 4 * 1024;
/** Room for lines at first: an idle system sends few at a time. */
const INITIAL_BYTES = 64 * 1024;
/** A buffer that one enormous line made larger than this is not kept. */
const KEPT_BYTES = 2 * BLOCK_MAX_BYTES;
/** Buffers kept for the next blocks: those of one append in flight. */
const POOL_MAX = 64;

export interface Block {
  readonly partition: number;
  readonly value: Buffer;
  readonly lines: number;
}

interface OpenBlock {
  buffer: Buffer;
  /** End of the lines. They begin at HEADER_ROOM_BYTES. */
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
  /** Gives back a block that nobody reads any more: its buffer serves again. Not giving one back only costs memory. */
  recycle(block: Block): void;
}

export function createBlockEncoder(options: { partitions: number; epoch: number }): BlockEncoder {
  const pool: Buffer[] = [];
  const newBuffer = () => pool.pop() ?? Buffer.allocUnsafeSlow(HEADER_ROOM_BYTES + INITIAL_BYTES);
  const open: OpenBlock[] = Array.from({ length: options.partitions }, () => ({
    buffer: newBuffer(),
    length: HEADER_ROOM_BYTES,
    lines: 0,
    runs: [],
  }));

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
      const run = block.runs[block.runs.length - 1];
      if (run !== undefined && run.source === source && position > run.last) {
        run.last = position;
        run.count += 1;
      } else {
        block.runs.push({ source, first: position, last: position, count: 1 });
      }
      return block.lines >= BLOCK_MAX_LINES || block.length - HEADER_ROOM_BYTES >= BLOCK_MAX_BYTES;
    },
    take(partition, received, clock) {
      const block = open[partition] as OpenBlock;
      const { buffer, length, lines, runs } = block;
      if (lines === 0) return null;
      const header: BlockHeader = {
        v: EVENT_SCHEMA_VERSION,
        epoch: options.epoch,
        received,
        clock,
        columns: EVENT_COLUMN_NAMES,
        runs,
      };
      const head = Buffer.from(encodeHeader(header));
      block.buffer = newBuffer();
      block.length = HEADER_ROOM_BYTES;
      block.lines = 0;
      block.runs = [];
      if (head.length > HEADER_ROOM_BYTES) {
        return { partition, value: Buffer.concat([head, buffer.subarray(HEADER_ROOM_BYTES, length)]), lines };
      }
      const start = HEADER_ROOM_BYTES - head.length;
      head.copy(buffer, start);
      return { partition, value: buffer.subarray(start, length), lines };
    },
    recycle({ value }) {
      if (pool.length >= POOL_MAX || value.buffer.byteLength > KEPT_BYTES) return;
      pool.push(Buffer.from(value.buffer));
    },
  };
}
