import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { IF_EXISTS, open, type RootDatabase } from 'lmdb';
import { GatewatchError } from '../../schemas/errors.ts';
import { commitOutcome } from './commit-outcome.ts';
import { checkDataFile } from './data-file.ts';
import { type DirectoryLock, lockDirectory } from './directory-lock.ts';
import { explainFailure } from './write-failure.ts';
import { bytesOf, enqueueWrites, type Table, type Write } from './writes.ts';

export interface EnvironmentOptions {
  readonly directory: string;
  /** Names of the tables; those that do not exist are created. */
  readonly tables: readonly string[];
  /** Address space to reserve, bytes. LMDB grows past it by itself, at the price of a new mapping. */
  readonly mapBytes: number;
  /**
   * false: a commit is on the disk when it resolves. true: its data are, while the small page that makes it current
   * follows with the next commit or within META_FLUSH_MS: a power failure may undo the newest commits, never damage the
   * file, and a killed process loses nothing.
   */
  readonly deferMeta: boolean;
}

export interface Environment {
  table(name: string): Table;
  /** All writes or none, in order, as one transaction. Rejects with a GatewatchError. */
  commit(writes: readonly Write[]): Promise<void>;
  /** Resolves when everything committed is on the disk. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Half of the one second that the bus promises, so that a slow disk has the other half. */
const META_FLUSH_MS = 500;

/** A commit that takes longer counts as lost. */
const COMMIT_DEADLINE_MS = 120_000;

/** Fixed, so that the footprint of a record is the same on every machine. */
export const PAGE_BYTES = 4_096;

const DATA_FILE = 'data.mdb';

/** Tables that every environment has. */
const OWNER_TABLE = 'owner';
export const MANIFEST_TABLE = 'manifest';
const OWN_TABLES = [OWNER_TABLE, MANIFEST_TABLE];
const OWNER_PREFIX = 'owner/';

/**
 * Opens an LMDB environment in a directory of its own, for one process.
 *
 * How lmdb-js 3.5 behaves, and what follows: a promise of a write resolves after the flush, whatever `overlappingSync`
 * and `separateFlushed` say; with overlapping flushes a failed flush rejects a transaction that readers already see, so
 * they are off. Plain LMDB flushes data, then writes and flushes the page that makes the transaction current;
 * `deferMeta` (MDB_NOMETASYNC) leaves out the second flush. `eventTurnBatching` is off, because its inner promise would
 * reject unhandled when a commit fails. A failed commit leaves nothing behind and later ones work. lmdb-js prints
 * failed commits on standard error by itself.
 *
 * Every transaction is conditional on this process still being the recorded owner, so that a process whose directory
 * was taken over (a volume mounted twice) cannot write any more: it gets `store_locked`.
 */
export async function openEnvironment(options: EnvironmentOptions): Promise<Environment> {
  const { directory } = options;
  let lock: DirectoryLock | null = null;
  try {
    mkdirSync(directory, { recursive: true });
    lock = lockDirectory(directory);
    const root = openRoot(options);
    try {
      const names = [...OWN_TABLES, ...options.tables];
      // In one transaction: each creation by itself would wait for the disk.
      const tables = root.transactionSync(
        () => new Map(names.map((name) => [name, root.openDB<Buffer, Buffer>(name, TABLE)])),
      );
      const owners = tables.get(OWNER_TABLE) as Table;
      const owner = Buffer.from(OWNER_PREFIX + randomUUID());
      await root.batch(() => {
        for (const former of owners.getKeys({ start: Buffer.from(OWNER_PREFIX) })) void owners.remove(former);
        void owners.put(owner, Buffer.alloc(1));
      });
      return environment(options, root, tables, owner, lock.release);
    } catch (error) {
      await root.close();
      throw error;
    }
  } catch (error) {
    lock?.release();
    throw await explainFailure(directory, 0, error);
  }
}

const TABLE = { encoding: 'binary', keyEncoding: 'binary' } as const;

function openRoot(options: EnvironmentOptions): RootDatabase<Buffer, Buffer> {
  const path = join(options.directory, DATA_FILE);
  checkDataFile(path, PAGE_BYTES);
  return open<Buffer, Buffer>(path, {
    ...TABLE,
    noSubdir: true,
    pageSize: PAGE_BYTES,
    mapSize: Math.ceil(options.mapBytes / PAGE_BYTES) * PAGE_BYTES,
    maxDbs: options.tables.length + OWN_TABLES.length,
    overlappingSync: false,
    noMetaSync: options.deferMeta,
    eventTurnBatching: false,
  });
}

function environment(
  options: EnvironmentOptions,
  root: RootDatabase<Buffer, Buffer>,
  tables: ReadonlyMap<string, Table>,
  owner: Buffer,
  unlock: () => void,
): Environment {
  const { directory } = options;
  const owners = tables.get(OWNER_TABLE) as Table;
  let broken: GatewatchError | null = null;
  let hung = false;
  let flushTimer: NodeJS.Timeout | null = null;
  let flushing: Promise<unknown> = Promise.resolve();
  let closing: Promise<void> | null = null;

  function breakDown(error: GatewatchError): GatewatchError {
    broken ??= error;
    return broken;
  }

  async function commit(writes: readonly Write[]): Promise<void> {
    if (broken !== null) throw broken;
    if (closing !== null) throw new GatewatchError('store_unavailable', `${directory} is closed`);
    let misplaced = false;
    const written = owners.ifVersion(owner, IF_EXISTS, () => {
      enqueueWrites(writes, () => {
        misplaced = true;
      });
    });
    const outcome = await commitOutcome(written, COMMIT_DEADLINE_MS);
    if (outcome === true && !misplaced) {
      if (options.deferMeta) flushTimer ??= setTimeout(flushLater, META_FLUSH_MS).unref();
      return;
    }
    if (outcome === true) {
      throw breakDown(new GatewatchError('store_unavailable', `${directory} holds entries behind the last one known`));
    }
    if (outcome === false) {
      throw breakDown(
        new GatewatchError('store_locked', `${directory} was taken over by another process: only one may use it`),
      );
    }
    if (outcome === 'late') {
      hung = true;
      throw breakDown(
        new GatewatchError('store_unavailable', `${directory} does not answer: check its disk, then start again`),
      );
    }
    throw await explainFailure(directory, bytesOf(writes), outcome.error);
  }

  function flushLater(): void {
    flushTimer = null;
    flushing = flush().catch((error: unknown) => {
      // The kernel forgets what it could not flush, so a later flush would succeed without having stored it.
      breakDown(new GatewatchError('store_unavailable', `${directory} could not be flushed`, { cause: error }));
    });
  }

  function flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      // `sync` is a method of lmdb-js that its type declarations leave out.
      const { sync } = root as unknown as { sync(this: unknown, done: (error?: unknown) => void): void };
      sync.call(root, (error) => (error === undefined || error === null ? resolve() : reject(error)));
    });
  }

  async function close(): Promise<void> {
    if (flushTimer !== null) clearTimeout(flushTimer);
    await flushing;
    try {
      // lmdb-js would wait for the lost commit for ever; the process is about to end anyway.
      if (hung) return;
      if (broken === null) await flush();
      await root.close();
    } finally {
      unlock();
    }
  }

  return {
    table(name) {
      const table = tables.get(name);
      if (table === undefined) throw new Error(`table ${name} was not opened`);
      return table;
    },
    commit,
    flush,
    close() {
      closing ??= close();
      return closing;
    },
  };
}
