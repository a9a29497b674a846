import { admit, type HighMarks } from '../../schemas/admit.ts';
import { openBlock } from '../../schemas/block.ts';
import { RECEIPT_COLUMNS } from '../../schemas/columns.ts';
import type { BusRecord } from '../ports.ts';
import type { Batch, BatchInsert } from './batch.ts';

/**
 * Sources whose high marks one partition keeps. Repeats follow a crash within minutes, so the marks of the sources that
 * were silent longest can go: one mark takes about 40 bytes in every commit.
 */
export const HIGH_MARKS_MAX = 1024;

const RECEIPT_NAMES = RECEIPT_COLUMNS.map((column) => column.name);
const BUFFER_MIN_BYTES = 64 * 1024;

export interface EventBatchOptions {
  /** What `marks()` gave before; null at the beginning. */
  readonly marks: unknown;
  onRepeats(lines: number): void;
}

/**
 * Event blocks as rows of `events`: each line's bytes as they came, with its receipt (schemas/columns.ts) put in front.
 * Lines are not parsed. Cost: one search for the line end and one copy per line.
 */
export function createEventBatch(options: EventBatchOptions): Batch {
  const high: HighMarks = new Map(Array.isArray(options.marks) ? (options.marks as [string, number][]) : []);
  let columns: readonly string[] = [];
  let columnsKey = '';
  let out = Buffer.alloc(0);
  let length = 0;
  let rows = 0;

  function reserve(bytes: number): void {
    if (length + bytes <= out.length) return;
    const grown = Buffer.allocUnsafe(Math.max(BUFFER_MIN_BYTES, out.length * 2, length + bytes));
    out.copy(grown, 0, 0, length);
    out = grown;
  }

  return {
    get rows() {
      return rows;
    },
    get bytes() {
      return length;
    },
    add(record: BusRecord): boolean {
      const block = openBlock(record.value);
      const { bytes, header } = block;
      // A control line: nothing to store.
      if (header.runs.length === 0) return true;
      const key = header.columns.join(',');
      if (key !== columnsKey) {
        if (rows > 0) return false;
        columns = [...RECEIPT_NAMES, ...header.columns];
        columnsKey = key;
      }
      const repeats = admit(block, high, (source, from, to, count) => {
        const receipt = Buffer.from(`[${header.received},${record.partition},${record.offset},${source},`, 'latin1');
        reserve(to - from + count * receipt.length);
        for (let at = from; at < to; ) {
          const end = bytes.indexOf(10, at) + 1;
          receipt.copy(out, length);
          length += receipt.length;
          bytes.copy(out, length, at + 1, end);
          length += end - at - 1;
          at = end;
        }
        rows += count;
      });
      if (repeats > 0) options.onRepeats(repeats);
      return true;
    },
    take(): readonly BatchInsert[] {
      if (rows === 0) return [];
      const insert = { table: 'events', columns, rows: out.subarray(0, length), lines: rows, describe } as const;
      out = Buffer.alloc(0);
      length = 0;
      rows = 0;
      return [insert];
    },
    marks() {
      // `admit` keeps the map in order of last use.
      for (const source of high.keys()) {
        if (high.size <= HIGH_MARKS_MAX) break;
        high.delete(source);
      }
      return [...high];
    },
  };
}

/** Received, partition, offset, source and position stand first, as this file and the encoder wrote them. */
const PLACE = /^\[(\d{1,16}),\d{1,5},\d{1,16},(\d{1,20}),(\d{1,16})\b/;

function describe(line: Buffer) {
  const place = PLACE.exec(line.toString('latin1', 0, 100));
  return {
    source: place?.[2] ?? null,
    position: place?.[3] === undefined ? null : Number(place[3]),
    received: place?.[1] === undefined ? null : Number(place[1]),
    format: 'event-row',
  };
}
