import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import type { EventStore, Logger } from '../platform/ports.ts';
import { openEmbeddedStore } from '../platform/store/embedded.ts';
import { openServerStore } from '../platform/store/server.ts';

/** The store that the settings ask for; null: none. Its tables are not made yet. */
export async function openStore(config: Config, log: Logger): Promise<EventStore | null> {
  const { store } = config;
  if (store.type === 'none') return null;
  if (store.type !== 'server') {
    const directory = join(config.data_directory, 'store');
    return openEmbeddedStore({ directory, memoryLimitBytes: store.memory_limit.bytes });
  }
  const { url, database, username, password, tls, cluster } = store;
  return openServerStore({
    url,
    database,
    username,
    password: password?.reveal() ?? null,
    tls:
      tls === null
        ? null
        : {
            ...(tls.ca === null ? {} : { ca: tls.ca }),
            ...(tls.cert === null ? {} : { cert: tls.cert }),
            ...(tls.key === null ? {} : { key: tls.key.reveal() }),
          },
    cluster,
    onRestored: (batch) =>
      log.warn({ ...batch }, 'ClickHouse had lost rows of an insert that a kill cut short; they are back'),
  });
}
