import type { Topic } from '../../schemas/topics.ts';
import type { Table } from '../lmdb/writes.ts';
import type { BusRecord } from '../ports.ts';
import { decodeHeader, offsetOf, payloadOf, type RecordHeader, recordKey } from './log-format.ts';

/** Where a partition begins and ends. `startBytes` and `endBytes` are running counts; their difference is live. */
export interface Extent {
  readonly start: number;
  readonly end: number;
  readonly startBytes: number;
  readonly endBytes: number;
}

/** One partition of one topic, as committed. The writer alone changes `extent`. */
export interface PartitionLog {
  readonly topic: Topic;
  readonly partition: number;
  readonly records: Table;
  /** Where the extent of the emptied partition is kept. */
  readonly extentKey: Buffer;
  extent: Extent;
  /** Records before this offset are gone or are being removed by the transaction in flight: nobody reads them. */
  readableFrom: number;
  /** Header of the record at an offset that is known to be there. */
  header(offset: number): RecordHeader;
  /** Records from an offset on, at least one when there is one; ends before either bound is passed. */
  read(from: number, maxRecords: number, maxBytes: number): BusRecord[];
  /** Called once at the next change of `extent`. Returns how to call that off. */
  onChange(listener: () => void): () => void;
  changed(): void;
}

/**
 * Opens a partition and finds where it begins and ends: from its first and last record, or, when all were trimmed, from
 * the extent that the trimming left behind (so that offsets are never given twice).
 */
export function openPartitionLog(records: Table, extents: Table, topic: Topic, partition: number): PartitionLog {
  const extentKey = Buffer.from(`${topic}/${partition}`);
  const listeners = new Set<() => void>();

  function valueAt(offset: number): Buffer | undefined {
    return records.getBinary(recordKey(offset));
  }

  function header(offset: number): RecordHeader {
    const value = valueAt(offset);
    if (value === undefined) throw new Error(`record ${offset} of ${topic} partition ${partition} is missing`);
    return decodeHeader(value);
  }

  const extent = recover(records, extents.getBinary(extentKey), header);
  const log: PartitionLog = {
    topic,
    partition,
    records,
    extentKey,
    extent,
    readableFrom: extent.start,
    header,
    read(from, maxRecords, maxBytes) {
      const found: BusRecord[] = [];
      let bytes = 0;
      for (let offset = Math.max(from, log.readableFrom); offset < log.extent.end; offset++) {
        if (found.length >= maxRecords) break;
        const stored = valueAt(offset);
        if (stored === undefined) throw new Error(`record ${offset} of ${topic} partition ${partition} is missing`);
        const value = payloadOf(stored);
        if (found.length > 0 && bytes + value.length > maxBytes) break;
        bytes += value.length;
        found.push({ partition, offset, value });
      }
      return found;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    changed() {
      const called = [...listeners];
      listeners.clear();
      for (const listener of called) listener();
    },
  };
  return log;
}

function recover(records: Table, emptied: Buffer | undefined, header: (offset: number) => RecordHeader): Extent {
  const [first] = [...records.getKeys({ limit: 1 })];
  const [last] = [...records.getKeys({ reverse: true, limit: 1 })];
  if (first === undefined || last === undefined) return decodeExtent(emptied);
  const newest = header(offsetOf(last));
  return {
    start: offsetOf(first),
    end: offsetOf(last) + 1,
    startBytes: header(offsetOf(first)).bytesBefore,
    endBytes: newest.bytesBefore + newest.bytes,
  };
}

/** Stored extent of an empty partition: next offset and running byte count. */
export function encodeExtent(extent: Extent): Buffer {
  const value = Buffer.alloc(16);
  value.writeDoubleBE(extent.end, 0);
  value.writeDoubleBE(extent.endBytes, 8);
  return value;
}

function decodeExtent(value: Buffer | undefined): Extent {
  const next = value?.readDoubleBE(0) ?? 0;
  const bytes = value?.readDoubleBE(8) ?? 0;
  return { start: next, end: next, startBytes: bytes, endBytes: bytes };
}
