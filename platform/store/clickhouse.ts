import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { type ClickHouseClient, ClickHouseLogLevel, type ClickHouseSettings } from '@clickhouse/client';
import type { EventStore } from '../ports.ts';
import { migrate, type Schema } from './migrate.ts';
import { insertError, queryError } from './store-error.ts';

/**
 * Rows above which ClickHouse would cut an insert into several blocks, each stored on its own. Far above what a writer
 * sends at once, so that an insert is one block: all of it or nothing, under one deduplication token.
 */
const BLOCK_ROWS = 1_048_576;

/** How every insert is carried out, besides its token. */
export const INSERT_SETTINGS = {
  async_insert: 0,
  insert_deduplicate: 1,
  deduplicate_blocks_in_dependent_materialized_views: 1,
  max_insert_block_size: BLOCK_ROWS,
  min_insert_block_size_rows: BLOCK_ROWS,
  min_insert_block_size_bytes: 0,
  // Parallel parsing cuts the input into pieces that have to be put together again; it costs CPU, and each partition of
  // the bus has its own insert anyway.
  input_format_parallel_parsing: 0,
  max_threads: 1,
  // A writer that catches up may hold more days of receipt than the default bound of 100.
  max_partitions_per_insert_block: 0,
  // Merges build the skipping indices; each fresh part would pay 8 files for them.
  materialize_skip_indexes_on_insert: 0,
} as const;

/** 64-bit numbers come as decimal strings: a source id does not fit a JavaScript number. */
const QUERY_SETTINGS = { output_format_json_quote_64bit_integers: 1 } as const;

/** For createClient. By itself the client writes failures to the console, with ClickHouse's words, which quote rows. */
export const CLIENT_LOG = { level: ClickHouseLogLevel.OFF };

/** An insert as it goes to the engine. */
export interface RowsToSend {
  readonly table: string;
  readonly columns: readonly string[];
  /** JSONCompactEachRow lines. */
  readonly rows: Buffer;
  readonly settings: Readonly<Record<string, string | number>>;
}

export interface ClickHouseStoreOptions {
  readonly client: ClickHouseClient;
  /** Hands an insert to the engine; default: through the client, as the body of a request. */
  readonly sendRows?: (insert: RowsToSend) => Promise<void>;
  /** Further settings of every query: limits. */
  readonly querySettings?: ClickHouseSettings;
  /** What `migrate` brings about; default: the schema of one server. */
  readonly schema?: Schema;
}

/** The event store over a ClickHouse client, of a server or of the engine in this process. Contract: ports.ts. */
export function createClickHouseStore(options: ClickHouseStoreOptions): EventStore {
  const { client } = options;
  const sendRows = options.sendRows ?? ((insert: RowsToSend) => sendAsBody(client, insert));
  const querySettings: ClickHouseSettings = { ...options.querySettings, ...QUERY_SETTINGS };

  async function query<T>(sql: string, params: Readonly<Record<string, unknown>> = {}): Promise<T[]> {
    try {
      const result = await client.query({
        query: sql,
        query_params: { ...params },
        format: 'JSONEachRow',
        clickhouse_settings: querySettings,
      });
      return await result.json<T>();
    } catch (error) {
      throw queryError(error);
    }
  }

  async function command(sql: string): Promise<void> {
    try {
      await client.command({ query: sql });
    } catch (error) {
      throw queryError(error);
    }
  }

  return {
    migrate: () => migrate({ command, query }, options.schema),
    async insert({ table, columns, rows, token }) {
      try {
        await sendRows({ table, columns, rows, settings: { ...INSERT_SETTINGS, insert_deduplication_token: token } });
      } catch (error) {
        throw insertError(error);
      }
    },
    query,
    async ping() {
      const answer = await client.ping({ select: true });
      if (!answer.success) throw queryError(answer.error);
    },
    close: () => client.close(),
  };
}

/** The bytes go out as they are: `exec` passes a byte stream through, where `insert` would encode rows. */
export async function sendAsBody(client: ClickHouseClient, insert: RowsToSend): Promise<void> {
  const columns = insert.columns.map((name) => `\`${name}\``).join(', ');
  const result = await client.exec({
    query: `INSERT INTO ${insert.table} (${columns}) FORMAT JSONCompactEachRow`,
    values: Readable.from([insert.rows], { objectMode: false }),
    clickhouse_settings: { ...insert.settings },
  });
  // The connection is free again only when its (empty) answer has been read.
  result.stream.resume();
  await finished(result.stream, { writable: false });
}
