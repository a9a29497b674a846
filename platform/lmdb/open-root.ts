import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { checkDataFile } from './data-file.ts';
import type { Table } from './writes.ts';

/** Fixed, so that the footprint of a record is the same on every machine. */
export const PAGE_BYTES = 4_096;

const DATA_FILE = 'data.mdb';

const TABLE = { encoding: 'binary', keyEncoding: 'binary' } as const;

/** Opens or creates tables, all in one transaction: each creation by itself would wait for the disk. */
export function openTables<N extends string>(
  root: RootDatabase<Buffer, Buffer>,
  names: readonly N[],
): Record<N, Table> {
  return root.transactionSync(
    () => Object.fromEntries(names.map((name) => [name, root.openDB<Buffer, Buffer>(name, TABLE)])) as Record<N, Table>,
  );
}

/**
 * Opens the LMDB file of a directory. Every option that is not a size is explained at `openEnvironment`.
 */
export function openRoot(
  directory: string,
  mapBytes: number,
  deferMeta: boolean,
  maxTables: number,
): RootDatabase<Buffer, Buffer> {
  const path = join(directory, DATA_FILE);
  checkDataFile(path, PAGE_BYTES);
  return open<Buffer, Buffer>(path, {
    ...TABLE,
    noSubdir: true,
    pageSize: PAGE_BYTES,
    mapSize: Math.ceil(mapBytes / PAGE_BYTES) * PAGE_BYTES,
    maxDbs: maxTables,
    overlappingSync: false,
    noMetaSync: deferMeta,
    eventTurnBatching: false,
  });
}
