import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { GatewatchError } from '../../schemas/errors.ts';

/** mdb.c: PAGEHDRSZ, MDB_MAGIC; the first page is a meta page, whose magic number follows the page header. */
const MAGIC_OFFSET = 24;
const MDB_MAGIC = 0xbeefc0de;
const META_PAGES = 2;

/**
 * Throws `store_unavailable` when the file is there and is not an LMDB file: LMDB would end the process with a
 * segmentation fault. An empty file or none is fine. Damage further inside is not seen.
 */
export function checkDataFile(path: string, pageBytes: number): void {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    const { size } = fstatSync(file);
    if (size === 0) return;
    const head = new DataView(new ArrayBuffer(MAGIC_OFFSET + 4));
    readSync(file, head, 0, head.byteLength, 0);
    // LMDB writes numbers in the machine's own order.
    const isMagic = [true, false].some((littleEndian) => head.getUint32(MAGIC_OFFSET, littleEndian) === MDB_MAGIC);
    if (isMagic && size >= META_PAGES * pageBytes) return;
  } finally {
    closeSync(file);
  }
  throw new GatewatchError(
    'store_unavailable',
    `${path} is damaged: restore it from a backup, or delete its directory`,
  );
}
