import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient } from '@clickhouse/client';
import type { ChdbConnection } from 'chdb/connection';
import { GatewatchError } from '../../schemas/errors.ts';
import type { EventStore } from '../ports.ts';
import { CLIENT_LOG, createClickHouseStore } from './clickhouse.ts';
import { forgetLostParts } from './lost-parts.ts';
import { closeStandardInput } from './standard-input.ts';
import { queryError } from './store-error.ts';
import { inTurn, type Turn } from './turn.ts';

export interface EmbeddedStoreOptions {
  readonly directory: string;
  /**
   * What the engine may hold at once, bytes; without it ClickHouse takes 90 % of the machine. The engine counts its own
   * memory only, not that of the rest of the process. A full batch of the writer needs about four times its size.
   */
  readonly memoryLimitBytes: number;
}

/** Below this a full batch (32 MiB of lines) and a merge do not fit side by side. */
export const EMBEDDED_MEMORY_MIN_BYTES = 256 * 1024 * 1024;

/** Longest a query for a person may run: whoever asked has gone by then. */
const QUERY_MAX_SECONDS = 60;

/** Cores that the engine counts on: merges take as many threads. */
const CORES = 2;

type ClientConnection = NonNullable<NonNullable<Parameters<typeof createClient>[0]>['connection']>;

export interface ChdbModules {
  readonly engine: typeof import('chdb');
  readonly connection: typeof import('chdb/connection');
}

/**
 * Opens the event store in this process: ClickHouse as a library, its data in `directory`. One process per directory,
 * one directory per process.
 *
 * Rejects with `store_missing` when the optional package or its native library is not installed, with
 * `store_unavailable` when the directory cannot be used, and with `store_locked` when another process holds the directory.
 *
 * Queries and inserts run on threads of the library, on a connection each, one at a time: they do not hold up the event
 * loop, and take at most two of libuv's four threads. Loading the library does hold it up, for about 0.2 s.
 *
 * Standard input is given up (standard-input.ts): the engine would read it. Tokens of inserts that a kill cut short are
 * forgotten (lost-parts.ts), so that repeating such an insert stores its rows.
 */
export async function openEmbeddedStore(
  options: EmbeddedStoreOptions,
  load: () => Promise<ChdbModules> = loadChdb,
): Promise<EventStore> {
  const { directory, memoryLimitBytes } = options;
  if (!(memoryLimitBytes >= EMBEDDED_MEMORY_MIN_BYTES)) {
    throw new GatewatchError('config_invalid', `the embedded store needs at least ${EMBEDDED_MEMORY_MIN_BYTES} bytes`);
  }
  const chdb = await loadOrExplain(load);
  await mkdir(directory, { recursive: true, mode: 0o700 }).catch(() => undefined);
  const { engine, reader, writer } = await openConnections(chdb, directory, memoryLimitBytes);
  const writes = inTurn();

  const client = createClient({ log: CLIENT_LOG, connection: oneAtATime(reader, inTurn()) });
  const store = createClickHouseStore({
    client,
    // The library reads the buffer where it lies. Through the client it would be turned into a string on the event loop
    // (measured: 200 ms for 50 MB) and back.
    sendRows: ({ table, columns, rows, settings }) =>
      writes(async () => {
        await writer.chdb.rawInsert({ table, columns, settings, values: rows, format: 'JSONCompactEachRow' });
      }),
    querySettings: {
      max_threads: CORES,
      max_execution_time: QUERY_MAX_SECONDS,
      max_memory_usage: String(Math.floor(memoryLimitBytes / 2)),
      max_bytes_before_external_group_by: String(Math.floor(memoryLimitBytes / 4)),
      max_bytes_before_external_sort: String(Math.floor(memoryLimitBytes / 4)),
    },
  });
  async function closeAll(): Promise<void> {
    await writes(() => writer.close());
    await store.close();
    engine.close();
    await chdb.engine.drainPending();
  }
  try {
    await forgetLostParts({
      query: store.query,
      async command(sql) {
        await client.command({ query: sql });
      },
    });
  } catch (error) {
    await closeAll();
    throw error instanceof GatewatchError ? error : queryError(error);
  }
  let closing: Promise<void> | null = null;
  return {
    ...store,
    close() {
      closing ??= closeAll();
      return closing;
    },
  };
}

/**
 * The connection as the client wants it, with its calls in turn: the library would run them in turn too, but each that
 * waits would hold a thread of libuv. The cast joins two copies of one type, that of the client and of the library.
 */
function oneAtATime(connection: ChdbConnection, turn: Turn): ClientConnection {
  const inner = connection as unknown as ClientConnection;
  return {
    query: (params) => turn(() => inner.query(params)),
    exec: (params) => turn(() => inner.exec(params)),
    command: (params) => turn(() => inner.command(params)),
    insert: (params) => turn(() => inner.insert(params)),
    ping: (params) => turn(() => inner.ping(params)),
    close: () => turn(() => inner.close()),
  };
}

async function loadChdb(): Promise<ChdbModules> {
  const [engine, connection] = await Promise.all([import('chdb'), import('chdb/connection')]);
  return { engine, connection };
}

async function loadOrExplain(load: () => Promise<ChdbModules>): Promise<ChdbModules> {
  try {
    return await load();
  } catch (cause) {
    throw new GatewatchError(
      'store_missing',
      'the embedded event store needs the optional package chdb (Linux with glibc, or macOS): npm install chdb',
      { cause },
    );
  }
}

/** The first connection starts the engine with its limits; the others join it. */
async function openConnections({ engine, connection }: ChdbModules, directory: string, memoryLimitBytes: number) {
  const share = (part: number) => Math.floor(memoryLimitBytes / part);
  const connectionArgs = [
    `--max_server_memory_usage=${memoryLimitBytes}`,
    `--mark_cache_size=${share(32)}`,
    `--index_mark_cache_size=${share(64)}`,
    `--primary_index_cache_size=${share(32)}`,
    `--query_condition_cache_size=${share(64)}`,
    `--compiled_expression_cache_size=${share(64)}`,
    `--background_pool_size=${CORES}`,
    '--background_merges_mutations_concurrency_ratio=1',
    '--background_schedule_pool_size=2',
  ];
  let session: InstanceType<typeof engine.Session> | null = null;
  closeStandardInput();
  try {
    session = new engine.Session(directory, { connectionArgs });
    const reader = connection.createChdbConnection({ path: directory });
    const writer = connection.createChdbConnection({ path: directory });
    return { engine: session, reader, writer };
  } catch (cause) {
    session?.close();
    throw await openError(directory, cause);
  }
}

/** The library says only "failed to create connection"; the engine's own status file names the process that holds it. */
async function openError(directory: string, cause: unknown): Promise<GatewatchError> {
  const holder = await holderOf(directory);
  if (holder !== null) {
    return new GatewatchError('store_locked', `the event store in ${directory} is in use by process ${holder}`);
  }
  return new GatewatchError(
    'store_unavailable',
    `the event store in ${directory} cannot be opened: check that it can be written, and that this process has no other open`,
    { cause },
  );
}

async function holderOf(directory: string): Promise<number | null> {
  const status = await readFile(join(directory, 'status'), 'utf8').catch(() => '');
  const pid = Number(/^PID: (\d{1,9})$/m.exec(status)?.[1] ?? 0);
  if (pid === 0 || pid === process.pid) return null;
  try {
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    // EPERM: it lives and is somebody else's. ESRCH: it was killed, and its lock went with it.
    return error instanceof Error && 'code' in error && error.code === 'EPERM' ? pid : null;
  }
}
