import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { IF_EXISTS, type RootDatabase } from 'lmdb';
import { GatewatchError } from '../../schemas/errors.ts';
import { commitOutcome } from './commit-outcome.ts';
import { type DirectoryLock, lockDirectory } from './directory-lock.ts';
import type { Manifest } from './manifest.ts';
import { openRoot, openTables } from './open-root.ts';
import { explainFailure } from './write-failure.ts';
import { bytesOf, enqueueWrites, type Table, type Write } from './writes.ts';

export interface EnvironmentOptions {
  readonly directory: string;
  /** Names of the tables; those that do not exist are created. */
  readonly tables: readonly string[];
  /** Gets the directory's manifest (null: new), gives the one to record. When it throws, nothing is changed. */
  agree(found: Manifest | null): Manifest;
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
  readonly manifest: Manifest;
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

/** The data are for the program's own user. */
const DIRECTORY_MODE = 0o700;

/** Tables that every environment has. */
const OWN_TABLES = ['owners', 'manifests'] as const;
const MANIFEST_KEY = Buffer.from('manifest');
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
    mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE });
    lock = lockDirectory(directory);
    const root = openRoot(directory, options.mapBytes, options.deferMeta, OWN_TABLES.length + options.tables.length);
    try {
      const { owners, manifests } = openTables(root, OWN_TABLES);
      const manifest = options.agree(readManifest(manifests));
      const tables = openTables(root, options.tables);
      const owner = Buffer.from(OWNER_PREFIX + randomUUID());
      await root.batch(() => {
        for (const former of owners.getKeys({ start: Buffer.from(OWNER_PREFIX) })) void owners.remove(former);
        void owners.put(owner, Buffer.alloc(1));
        void manifests.put(MANIFEST_KEY, Buffer.from(JSON.stringify(manifest)));
      });
      return environment({ ...options, root, tables, owners, owner, manifest, unlock: lock.release });
    } catch (error) {
      await root.close();
      throw error;
    }
  } catch (error) {
    lock?.release();
    throw await explainFailure(directory, 0, error);
  }
}

function readManifest(manifests: Table): Manifest | null {
  const bytes = manifests.getBinary(MANIFEST_KEY);
  return bytes === undefined ? null : (JSON.parse(bytes.toString('utf8')) as Manifest);
}

interface Opened extends Omit<EnvironmentOptions, 'tables' | 'agree'> {
  readonly root: RootDatabase<Buffer, Buffer>;
  readonly tables: Readonly<Record<string, Table>>;
  readonly owners: Table;
  readonly owner: Buffer;
  readonly manifest: Manifest;
  unlock(): void;
}

function environment(opened: Opened): Environment {
  const { directory, root, owners, owner } = opened;
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
      if (opened.deferMeta) flushTimer ??= setTimeout(flushLater, META_FLUSH_MS).unref();
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
      opened.unlock();
    }
  }

  return {
    manifest: opened.manifest,
    table(name) {
      const table = opened.tables[name];
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
