import type { Database, PutOptions } from 'lmdb';

export type Table = Database<Buffer, Buffer>;

export interface Write {
  readonly table: Table;
  readonly key: Buffer;
  /** null removes the key. The bytes must not change until the commit is settled. */
  readonly value: Buffer | null;
  /** The key is behind every other of the table: LMDB then fills its pages. */
  readonly append?: true;
}

/**
 * Puts writes into the lmdb-js transaction that is being collected. Calls `misplace`, before the transaction's own promise
 * is acted on, when LMDB left an appended entry out because its key was not the last.
 */
export function enqueueWrites(writes: readonly Write[], misplace: () => void): void {
  for (const { table, key, value, append } of writes) {
    if (value === null) void table.remove(key);
    else if (append === true) putLast(table, key, value, misplace);
    else void table.put(key, value);
  }
}

const APPEND: PutOptions = { append: true };

/**
 * Type declarations leave out that `put` takes options like `putSync`, and that it then has a promise of its own
 * for each entry, which rejects with the transaction.
 */
function putLast(table: Table, key: Buffer, value: Buffer, misplace: () => void): void {
  const { put } = table as unknown as {
    put(this: Table, key: Buffer, value: Buffer, options: PutOptions): Promise<boolean>;
  };
  put.call(table, key, value, APPEND).then(
    (written) => {
      if (!written) misplace();
    },
    () => undefined,
  );
}

/** Bytes of keys and values. */
export function bytesOf(writes: readonly Write[]): number {
  return writes.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0);
}
