import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createSecureContext } from 'node:tls';
import { type ClickHouseClient, createClient } from '@clickhouse/client';
import { clusterSchema } from '../../schemas/clickhouse/cluster.ts';
import { GatewatchError } from '../../schemas/errors.ts';
import type { EventStore, Insert } from '../ports.ts';
import { CLIENT_LOG, createClickHouseStore, type RowsToSend, sendAsBody } from './clickhouse.ts';
import { guardAgainstLostRows } from './lost-rows.ts';
import { connectionError, type ServerPlace } from './server-error.ts';
import { clickHouseCode, insertError, queryError } from './store-error.ts';

/** PEM files as they are. */
export interface ServerTls {
  /** Authorities to trust instead of those that node brings along. */
  readonly ca?: Buffer | string;
  /** Client certificate and key. Without a password the user is known by them. */
  readonly cert?: Buffer | string;
  readonly key?: Buffer | string;
}

export interface ServerStoreOptions {
  /** `http://host:8123` or `https://host:8443`. */
  readonly url: string;
  readonly database: string;
  readonly username: string;
  readonly password: string | null;
  readonly tls: ServerTls | null;
  /** Name of a ClickHouse cluster; null: one server. */
  readonly cluster: string | null;
  /** How long a request may be without a byte in either direction. */
  readonly requestTimeoutMs?: number;
  /** Sends rows as gzip. See REQUEST_COMPRESSION. */
  readonly compressRequests?: boolean;
  /** Hears that rows whose token had survived a killed server were missing and are back (lost-rows.ts). */
  readonly onRestored?: (insert: Pick<Insert, 'table' | 'token'>) => void;
}

/** An insert of 32 MiB is seconds on a busy server. A repeat while the first one still runs is told by its token. */
const REQUEST_TIMEOUT_MS = 60_000;
/**
 * Idle connections are given up before the server does: it keeps them for 10 s, since 26 for 30 s (keep_alive_timeout).
 * Above the five seconds that a batch waits, so that a partition's next insert finds its connection.
 */
const IDLE_SOCKET_MS = 8_000;
/** Inserts at once. Each holds up to 32 MiB here and some four times as much on the server. */
const WRITE_CONNECTIONS = 8;
/** Queries have connections of their own: a person's question and the health check do not wait for inserts. */
const READ_CONNECTIONS = 8;
/** Longest a query for a person may run: whoever asked has gone by then. */
const QUERY_MAX_SECONDS = 60;
/**
 * Off unless asked for. Level 1 makes rows of 300 bytes some ten times smaller for 0.5 us of CPU a row here (level 6: eleven
 * times, 1.2 us; rows made for tests), and the server has to undo it. Plain, 40,000 events a second are below 20 MB/s,
 * which a local network does not feel: worth it across a link that is slow or paid for.
 */
const REQUEST_COMPRESSION = { codec: 'gzip', level: 1 } as const;

/** Names that need no quoting anywhere. */
const DATABASE_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const ACCESS_DENIED = 497;

/**
 * Opens the event store on a ClickHouse server, and makes the database when it is missing.
 *
 * Rejects with `config_invalid` for options that cannot work, and with `store_unavailable` for a server that cannot be
 * used: `transient` true when it is away or overloaded, false when only a changed setting or right helps (user, password,
 * TLS, database). The message says which setting. After the start, every failure of the connection is transient for
 * inserts: the writers try until it works.
 *
 * With a cluster, tables are replicated and Distributed ones lie over them (schemas/clickhouse/cluster.ts).
 */
export async function openServerStore(options: ServerStoreOptions): Promise<EventStore> {
  const { database, cluster } = options;
  const origin = checkedOrigin(options);
  const place: ServerPlace = { origin, username: options.username, database };
  const reader = clientOf(options, READ_CONNECTIONS, database);
  const writer = clientOf(options, WRITE_CONNECTIONS, database);
  const closeAll = async () => {
    await Promise.all([reader.close(), writer.close()]);
  };
  try {
    await makeDatabase(options, place);
  } catch (error) {
    await closeAll();
    throw error;
  }

  const sendRows = (insert: RowsToSend) =>
    sendAsBody(writer, {
      ...insert,
      // Else the server that we talk to would answer before the shard has the rows.
      settings: cluster === null ? insert.settings : { ...insert.settings, distributed_foreground_insert: 1 },
    });
  const store = createClickHouseStore({
    client: reader,
    sendRows,
    querySettings: { max_execution_time: QUERY_MAX_SECONDS },
    ...(cluster === null ? {} : { schema: clusterSchema({ cluster, database }) }),
  });
  // Replicated tables move the rows first and write the token together with the part.
  const guarded =
    cluster !== null
      ? null
      : guardAgainstLostRows({
          query: store.query,
          async command(sql) {
            await reader.command({ query: sql }).catch((error: unknown) => {
              throw queryError(error);
            });
          },
          async sendRows(insert) {
            await sendRows(insert).catch((error: unknown) => {
              throw insertError(error);
            });
          },
          ...(options.onRestored === undefined ? {} : { onRestored: options.onRestored }),
        });
  let closing: Promise<void> | null = null;
  return {
    ...store,
    insert: (insert) => (guarded === null ? store.insert(insert) : guarded(insert, () => store.insert(insert))),
    async ping() {
      const answer = await reader.ping({ select: true });
      if (!answer.success) throw connectionError(answer.error, place);
    },
    close() {
      closing ??= closeAll();
      return closing;
    },
  };
}

function checkedOrigin({ url, tls, database }: ServerStoreOptions): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) {
    throw invalid('store.url must be http://host:8123 or https://host:8443');
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw invalid('store.url must not hold a user or a password: they belong in store.username and store.password');
  }
  if (parsed.search !== '' || parsed.hash !== '' || parsed.pathname !== '/') {
    throw invalid('store.url ends after the port: the database belongs in store.database');
  }
  if (!DATABASE_NAME.test(database)) {
    throw invalid('store.database must be a name of letters, digits and _, such as gatewatch');
  }
  if (tls !== null) {
    if (parsed.protocol === 'http:') throw invalid('store.tls is set, so store.url must begin with https://');
    if ((tls.cert === undefined) !== (tls.key === undefined)) {
      throw invalid('store.tls needs cert_file and key_file together');
    }
    try {
      createSecureContext({ ...tls });
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? ` (${error.code})` : '';
      throw invalid(`a file of store.tls is no PEM, or certificate and key do not belong together${code}`);
    }
  }
  return parsed.origin;
}

function invalid(message: string): GatewatchError {
  return new GatewatchError('config_invalid', message);
}

/** `database` null: whatever the user has; the one that we want may not exist yet. */
function clientOf(options: ServerStoreOptions, connections: number, database: string | null): ClickHouseClient {
  const { url, username, password, tls } = options;
  const agent = { keepAlive: true, maxSockets: connections };
  const byCertificate = password === null && tls?.cert !== undefined;
  return createClient({
    url,
    username,
    password: password ?? '',
    ...(database === null ? {} : { database }),
    application: 'gatewatch',
    log: CLIENT_LOG,
    request_timeout: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
    keep_alive: { enabled: true, idle_socket_ttl: IDLE_SOCKET_MS, eagerly_destroy_stale_sockets: true },
    compression: { request: options.compressRequests === true ? REQUEST_COMPRESSION : false, response: false },
    // Our own: the client's takes no certificate without an authority, and then lets no password count.
    http_agent: url.startsWith('https:') ? new HttpsAgent({ ...agent, ...tls }) : new HttpAgent(agent),
    ...(byCertificate
      ? {
          set_basic_auth_header: false,
          http_headers: { 'X-ClickHouse-User': username, 'X-ClickHouse-SSL-Certificate-Auth': 'on' },
        }
      : {}),
  });
}

/** Also the first contact: whatever is wrong with the connection shows here. */
async function makeDatabase(options: ServerStoreOptions, place: ServerPlace): Promise<void> {
  const { database, cluster, username } = options;
  const client = clientOf(options, 1, null);
  try {
    const result = await client.query({
      query: 'SELECT count() AS present FROM system.databases WHERE name = {database:String}',
      query_params: { database },
      format: 'JSONEachRow',
    });
    const [row] = await result.json<{ present: string | number }>();
    if (Number(row?.present) > 0) return;
    const everywhere = cluster === null ? '' : ` ON CLUSTER '${cluster.replace(/[\\']/g, '\\$&')}'`;
    await client.command({ query: `CREATE DATABASE IF NOT EXISTS \`${database}\`${everywhere}` });
  } catch (error) {
    if (clickHouseCode(error) !== ACCESS_DENIED) throw connectionError(error, place);
    throw new GatewatchError(
      'store_unavailable',
      `database ${database} is missing at ${place.origin}, or hidden from user ${JSON.stringify(username)}, who may not make it: ` +
        `CREATE DATABASE ${database}; GRANT ALL ON ${database}.* TO the user`,
    );
  } finally {
    await client.close();
  }
}
