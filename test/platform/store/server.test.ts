import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { EventStore, Insert } from '../../../platform/ports.ts';
import { openServerStore, type ServerStoreOptions } from '../../../platform/store/server.ts';
import { MIGRATIONS } from '../../../schemas/clickhouse/migrations.ts';
import { GatewatchError } from '../../../schemas/errors.ts';
import { eventStoreContract } from '../../contracts/event-store.ts';
import { CHDB, chdbPresent } from '../../support/chdb.ts';
import { type ClickHouseProcess, startClickHouse } from '../../support/clickhouse-process.ts';
import { testPseudonym } from '../../support/event-blocks.ts';
import { requires } from '../../support/requires.ts';
import { ROW_COLUMNS, rowsOf } from '../../support/store-blocks.ts';

const engine = requires(CHDB, chdbPresent());
const PASSWORD = 'not-a-secret-of-anybody';

function optionsFor(server: ClickHouseProcess, more: Partial<ServerStoreOptions> = {}): ServerStoreOptions {
  return {
    ...{ url: server.url, database: 'gatewatch', username: 'default', password: PASSWORD, tls: null, cluster: null },
    ...more,
  };
}

for (const compressRequests of [false, true]) {
  eventStoreContract(`server over HTTP${compressRequests ? ', rows as gzip' : ''}`, engine, async () => {
    const server = await startClickHouse({ password: PASSWORD });
    const store = await openServerStore(optionsFor(server, { compressRequests }));
    return {
      store,
      async cleanup() {
        await store.close();
        await server.dispose();
      },
    };
  });
}

describe('a ClickHouse server', engine, () => {
  let server: ClickHouseProcess;
  before(async () => {
    server = await startClickHouse({ password: PASSWORD });
  });
  after(() => server.dispose());

  let databases = 0;
  async function open(more: Partial<ServerStoreOptions> = {}): Promise<EventStore> {
    databases += 1;
    return openServerStore(optionsFor(server, { database: `test_${databases}`, ...more }));
  }

  const received = Date.now();
  /** The nth insert of bus partition `partition`, of ten events; the same bytes each time. */
  function nth(n: number, partition = 0): Insert {
    const events = Array.from({ length: 10 }, (_, i) => ({
      source: `${partition + 1}`,
      position: n * 10 + i,
      who: 'a',
    }));
    const rows = rowsOf(events, { received, partition, offset: n });
    return { table: 'events', columns: ROW_COLUMNS, rows, token: `g:${partition}:${n}-${n + 1}` };
  }

  async function counts(store: EventStore) {
    const [row] = await store.query<{ rows: string; distinct: string; rolledUp: string }>(
      `SELECT count() AS rows, uniqExact((source, position)) AS distinct,
         (SELECT sum(requests) FROM activity_hourly) AS rolledUp FROM events`,
    );
    return { rows: Number(row?.rows), distinct: Number(row?.distinct), rolledUp: Number(row?.rolledUp) };
  }
  const all = (n: number) => ({ rows: n, distinct: n, rolledUp: n });

  test('several processes that migrate a new database at once all succeed, and each step is recorded once', async () => {
    const stores = await Promise.all(
      Array.from({ length: 4 }, () => openServerStore(optionsFor(server, { database: 'race' }))),
    );
    await Promise.all(stores.map((store) => store.migrate()));
    const steps = await stores[0]?.query('SELECT id, name FROM migrations ORDER BY id');
    assert.deepEqual(
      steps,
      MIGRATIONS.map(({ id, name }) => ({ id, name })),
    );
    for (const store of stores) await store.close();
  });

  test('what a table remembers survives the step that makes its memory longer', async () => {
    const store = await open();
    await store.migrate();
    const window = async () =>
      (
        await store.query<{ text: string }>(
          `SELECT engine_full AS text FROM system.tables WHERE database = currentDatabase() AND name = 'events'`,
        )
      )[0]?.text.match(/non_replicated_deduplication_window = (\d+)/)?.[1];
    assert.equal(await window(), '40000');
    await store.insert(nth(0));
    await store.migrate();
    await store.insert(nth(0));
    assert.deepEqual(await counts(store), all(10));
    await store.close();
  });

  test('a server killed in the middle of inserts and started again has every insert once when all are repeated', async () => {
    const store = await open({ requestTimeoutMs: 5_000 });
    await store.migrate();
    const partitions = [0, 1, 2, 3];
    const perPartition = 40;
    let acknowledged = 0;
    let kill: Promise<void> | null = null;
    for (let round = 0; round < 3; round++) {
      const killAt = Math.round((partitions.length * perPartition * (round + 1)) / 4);
      acknowledged = 0;
      kill = null;
      const runs = partitions.map(async (partition) => {
        for (let n = 0; n < perPartition; n++) {
          await store.insert(nth(n, partition));
          acknowledged += 1;
          if (acknowledged >= killAt) kill ??= server.kill();
        }
      });
      const results = await Promise.allSettled(runs);
      const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
      assert.ok(failures.length > 0, 'the kill came too late');
      for (const error of failures) {
        assert.ok(error instanceof GatewatchError);
        assert.deepEqual([error.code, error.transient], ['store_unavailable', true], error.message);
      }
      await kill;
      await server.start();
      await store.ping();
    }
    for (const partition of partitions) {
      for (let n = 0; n < perPartition; n++) await store.insert(nth(n, partition));
    }
    assert.deepEqual(await counts(store), all(partitions.length * perPartition * 10));
    await store.close();
  });

  test('rows whose token survived a killed server and they did not are back when the insert is repeated, and counted once', async () => {
    const restored: string[] = [];
    const onRestored = ({ token }: { token: string }) => restored.push(token);
    const database = 'lost';
    const first = await open({ database });
    await first.migrate();
    // Of two days, so that one block of an insert is lost and the other is not.
    const yesterday = received - 86_400_000;
    const split = {
      ...nth(2),
      rows: Buffer.concat([
        rowsOf([{ source: '1', position: 20, who: 'a' }], { received: yesterday }),
        rowsOf([{ source: '1', position: 21, who: 'a' }], { received }),
        rowsOf([{ source: '1', position: 22, who: 'a' }], { received: yesterday }),
      ]),
    };
    const inserts = [nth(0), nth(1), split];
    for (const insert of inserts) await first.insert(insert);
    const parts = await first.query<{ path: string }>(
      `SELECT path FROM system.parts WHERE database = {database:String} AND table = 'events' AND active
         AND ((partition = toString(today()) AND min_block_number = max_block_number AND rows = 10)
           OR partition = toString(yesterday()))`,
      { database },
    );
    assert.equal(parts.length, 3);
    await first.close();
    await server.kill();
    // What a kill leaves between the log of tokens and the move of the rows: the log, and a part that is not there.
    for (const { path } of parts) rmSync(path, { recursive: true });
    await server.start();

    for (let life = 0; life < 2; life++) {
      const store = await open({ database, onRestored });
      for (const insert of inserts) await store.insert(insert);
      assert.deepEqual(await counts(store), all(23));
      // Nothing of its own is left behind.
      const tables = await store.query(
        "SELECT name FROM system.tables WHERE database = 'lost' AND name LIKE 'restored%'",
      );
      assert.deepEqual(tables, []);
      await store.close();
    }
    assert.deepEqual(restored, ['g:0:0-1', 'g:0:1-2', 'g:0:2-3']);
  });

  test('lost decisions and evidence are back as well', async () => {
    const database = 'lost_decisions';
    const restored: string[] = [];
    const onRestored = ({ table }: { table: string }) => restored.push(table);
    const inserts: Insert[] = [
      {
        ...{ table: 'decisions', columns: ['id', 'time', 'tenant', 'risk'], token: 'g:0:0-1' },
        rows: Buffer.from(`["d1",${Date.now()},"default",1.5]\n["d2",${Date.now()},"default",2.5]\n`),
      },
      {
        ...{ table: 'evidence', columns: ['decision', 'time', 'tenant', 'channel'], token: 'g:0:0-1' },
        rows: Buffer.from(`["d1",${Date.now()},"default","requests"]\n`),
      },
    ];
    const first = await open({ database });
    await first.migrate();
    for (const insert of inserts) await first.insert(insert);
    const parts = await first.query<{ path: string }>(
      `SELECT path FROM system.parts WHERE database = {database:String} AND table IN ('decisions', 'evidence')`,
      { database },
    );
    await first.close();
    await server.kill();
    for (const { path } of parts) rmSync(path, { recursive: true });
    await server.start();
    const store = await open({ database, onRestored });
    for (const insert of inserts) await store.insert(insert);
    for (const insert of inserts) await store.insert(insert);
    assert.deepEqual(
      await store.query('SELECT (SELECT count() FROM decisions) AS d, (SELECT count() FROM evidence) AS e'),
      [{ d: '2', e: '1' }],
    );
    assert.deepEqual(restored, ['decisions', 'evidence']);
    await store.close();
  });

  test('a server that hangs is a passing failure after the time-out, and the insert that it then carries out is not doubled', async () => {
    const store = await open({ requestTimeoutMs: 500 });
    await store.migrate();
    await store.insert(nth(0));
    server.pause();
    try {
      await assert.rejects(store.insert(nth(1)), { code: 'store_unavailable', transient: true });
      await assert.rejects(store.ping(), {
        code: 'store_unavailable',
        transient: true,
        message: /does not answer in time/,
      });
    } finally {
      server.resume();
    }
    await store.insert(nth(1));
    await store.insert(nth(1));
    assert.deepEqual(await counts(store), all(20));
    await store.close();
  });

  test('two writers that send the same token at the same moment store it once', async () => {
    const [one, two] = await Promise.all([open({ database: 'twins' }), open({ database: 'twins' })]);
    await one.migrate();
    for (let n = 0; n < 10; n++) await Promise.all([one.insert(nth(n)), two.insert(nth(n))]);
    assert.deepEqual(await counts(one), all(100));
    await one.close();
    await two.close();
  });

  test('a database whose name needs quoting cannot be asked for', async () => {
    for (const database of ['a`b', 'a b', '', "a'b", '1a']) {
      await assert.rejects(open({ database }), { code: 'config_invalid', message: /^store\.database / });
    }
  });

  test('events of an identity that ClickHouse and JSON may read differently are stored and never restored', async () => {
    const restored: string[] = [];
    const store = await open({ onRestored: ({ token }) => restored.push(token) });
    await store.migrate();
    const who = testPseudonym('a');
    const rows = rowsOf([{ source: '18446744073709551615', position: 1, who: 'a' }]).toString();
    for (const [n, identity] of ['\\u00e9', '\\/', 'x y', '\\t'].entries()) {
      await store.insert({ ...nth(n), rows: Buffer.from(rows.replace(who, identity)), token: `g:0:${n}-${n}` });
      await store.insert({ ...nth(n), rows: Buffer.from(rows.replace(who, identity)), token: `g:0:${n}-${n}` });
    }
    assert.equal((await counts(store)).rows, 4);
    assert.deepEqual(restored, []);
    await store.close();
  });
});
