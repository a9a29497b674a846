import type { RowImage } from '../ports.ts';

/** Size of one copy buffer: large enough that rows share an allocation, small enough to be freed piece by piece. */
const SLAB_BYTES = 1024 * 1024;

/** A row whose bytes are a copy that nobody else writes to. */
export interface PackedRow {
  readonly index: number;
  readonly bytes: Buffer;
}

/** Copies rows out of the memory that the detector goes on changing, and maps each copy. Runs without a pause. */
export function packRows<T>(rows: Iterable<RowImage>, map: (row: PackedRow) => T): T[] {
  const packed: T[] = [];
  let slab = Buffer.alloc(0);
  let used = 0;
  for (const { index, bytes } of rows) {
    if (used + bytes.length > slab.length) {
      slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes.length));
      used = 0;
    }
    const copy = slab.subarray(used, used + bytes.length);
    copy.set(bytes);
    used += bytes.length;
    packed.push(map({ index, bytes: copy }));
  }
  return packed;
}
