import { PAGE_BYTES } from '../lmdb/open-root.ts';

/**
 * Layout of the log on disk: one table per partition, so that LMDB's append mode fills its pages.
 *
 * Key: the offset, 6 bytes big-endian. Value: time of the append in ms (8), bytes of the partition before this record
 * (8), both IEEE doubles big-endian, then the payload. The running byte count makes the live size of a partition known
 * from its first and last record.
 */
export const LOG_LAYOUT_VERSION = 1;

const KEY_BYTES = 6;
const HEADER_BYTES = 16;

/** Per-entry and per-page costs of LMDB's file format (mdb.c: NODESIZE + index slot, PAGEHDRSZ, me_nodemax, OVPAGES). */
const NODE_BYTES = 8;
const SLOT_BYTES = 2;
const PAGE_HEADER_BYTES = 24;
const NODE_MAX_BYTES = (((PAGE_BYTES - PAGE_HEADER_BYTES) / 2) & -2) - SLOT_BYTES;
const OVERFLOW_REFERENCE_BYTES = 8;

export interface RecordHeader {
  /** When the record was appended, ms. */
  readonly time: number;
  /** Bytes of the partition before this record, since its creation. */
  readonly bytesBefore: number;
  /** Bytes that this record takes in the file. */
  readonly bytes: number;
}

export function recordKey(offset: number): Buffer {
  const key = Buffer.allocUnsafe(KEY_BYTES);
  key.writeUIntBE(offset, 0, KEY_BYTES);
  return key;
}

export function offsetOf(key: Uint8Array): number {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).readUIntBE(0, KEY_BYTES);
}

/** Stored form of a record; copies the payload. */
export function encodeRecord(time: number, bytesBefore: number, payload: Uint8Array): Buffer {
  const value = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  value.writeDoubleBE(time, 0);
  value.writeDoubleBE(bytesBefore, 8);
  value.set(payload, HEADER_BYTES);
  return value;
}

export function decodeHeader(value: Buffer): RecordHeader {
  return {
    time: value.readDoubleBE(0),
    bytesBefore: value.readDoubleBE(8),
    bytes: footprint(value.length - HEADER_BYTES),
  };
}

export function payloadOf(value: Buffer): Buffer {
  return value.subarray(HEADER_BYTES);
}

/**
 * Bytes that a record with this payload takes in the LMDB file. A small one shares a leaf page with its like: its part
 * of the page, the unused end included. One larger than half a page has pages of its own. Branch pages, about 1 %, are
 * not in it.
 */
export function footprint(payloadBytes: number): number {
  const value = HEADER_BYTES + payloadBytes;
  const node = NODE_BYTES + KEY_BYTES + value;
  if (node <= NODE_MAX_BYTES) return leafPart(node);
  const pages = Math.ceil((PAGE_HEADER_BYTES + value) / PAGE_BYTES);
  return pages * PAGE_BYTES + leafPart(NODE_BYTES + KEY_BYTES + OVERFLOW_REFERENCE_BYTES);
}

/** Nodes begin at even places. */
function leafPart(node: number): number {
  const slot = SLOT_BYTES + node + (node % 2);
  return Math.ceil(PAGE_BYTES / Math.floor((PAGE_BYTES - PAGE_HEADER_BYTES) / slot));
}
