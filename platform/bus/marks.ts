import type { Table, Write } from '../lmdb/writes.ts';
import type { Mark } from '../ports.ts';

/** LMDB's keys end at 1,978 bytes with pages of 4 KiB; ours are shorter. */
const MAX_MARK_KEY_BYTES = 1_024;

/** Throws a RangeError when a mark's key is empty or too long: keys are built by the program, not by input. */
export function checkMark(mark: Mark): void {
  const bytes = Buffer.byteLength(mark.key);
  if (bytes === 0 || bytes > MAX_MARK_KEY_BYTES)
    throw new RangeError(`a mark's key has 1 to ${MAX_MARK_KEY_BYTES} bytes`);
}

export function markWrite(table: Table, mark: Mark): Write {
  return { table, key: Buffer.from(mark.key), value: mark.value === null ? null : Buffer.from(mark.value) };
}

export function readMark(table: Table, key: string): string | null {
  return table.getBinary(Buffer.from(key))?.toString('utf8') ?? null;
}

/** Marks whose key begins with the prefix, in the order of their UTF-8 bytes. */
export function readMarks(table: Table, prefix: string): (Mark & { readonly value: string })[] {
  const start = Buffer.from(prefix);
  const found: (Mark & { readonly value: string })[] = [];
  for (const { key, value } of table.getRange(prefix === '' ? {} : { start })) {
    const bytes = Buffer.from(key);
    if (!bytes.subarray(0, start.length).equals(start)) break;
    found.push({ key: bytes.toString('utf8'), value: value.toString('utf8') });
  }
  return found;
}
