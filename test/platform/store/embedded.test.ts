import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EMBEDDED_MEMORY_MIN_BYTES, openEmbeddedStore } from '../../../platform/store/embedded.ts';
import { GatewatchError } from '../../../schemas/errors.ts';
import { eventStoreContract } from '../../contracts/event-store.ts';
import { CHDB, chdbPresent } from '../../support/chdb.ts';
import { requires } from '../../support/requires.ts';
import { mountSmallDisk } from '../../support/small-disk.ts';
import { ROW_COLUMNS, rowsOf } from '../../support/store-blocks.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const engine = requires(CHDB, chdbPresent());
const memoryLimitBytes = EMBEDDED_MEMORY_MIN_BYTES;

eventStoreContract('embedded', engine, async () => {
  const directory = temporaryDirectory();
  const store = await openEmbeddedStore({ directory: directory.path, memoryLimitBytes });
  return {
    store,
    async cleanup() {
      await store.close();
      directory.remove();
    },
  };
});

test('says in one line what is missing when the optional package is not there', async () => {
  const load = () => Promise.reject(new Error('Cannot find package\nchdb'));
  await assert.rejects(openEmbeddedStore({ directory: '/nowhere', memoryLimitBytes }, load), (error) => {
    assert.ok(error instanceof GatewatchError);
    assert.deepEqual([error.code, error.transient], ['store_missing', false]);
    assert.match(error.message, /^[^\n]*chdb[^\n]*$/);
    return true;
  });
});

test('refuses a memory limit in which a full batch does not fit', async () => {
  for (const limit of [0, Number.NaN, memoryLimitBytes - 1]) {
    await assert.rejects(openEmbeddedStore({ directory: '/nowhere', memoryLimitBytes: limit }), {
      code: 'config_invalid',
    });
  }
});

test('keeps what was stored, and the tokens, over close and open in one process', engine, async (t) => {
  const directory = temporaryDirectory();
  t.after(() => directory.remove());
  const rows = rowsOf([{ source: '1', position: 1 }]);
  for (let life = 0; life < 3; life++) {
    const store = await openEmbeddedStore({ directory: directory.path, memoryLimitBytes });
    await store.migrate();
    await store.insert({ table: 'events', columns: ROW_COLUMNS, rows, token: 't' });
    assert.deepEqual(await store.query('SELECT count() AS n FROM events'), [{ n: '1' }]);
    await Promise.all([store.close(), store.close()]);
  }
});

test('has the limits that it was given, and not those of the whole machine', engine, async (t) => {
  const directory = temporaryDirectory();
  t.after(() => directory.remove());
  const store = await openEmbeddedStore({ directory: directory.path, memoryLimitBytes });
  t.after(() => store.close());
  const settings = await store.query<{ name: string; value: string }>(
    `SELECT name, value FROM system.server_settings
     WHERE name IN ('max_server_memory_usage', 'background_pool_size') ORDER BY name`,
  );
  assert.deepEqual(
    settings.map((row) => row.value),
    ['2', String(memoryLimitBytes)],
  );
  await assert.rejects(store.query('SELECT groupArray(number) FROM numbers(100000000)'), {
    code: 'store_unavailable',
    message: /MEMORY_LIMIT_EXCEEDED/,
  });
  await store.ping();
});

test('leaves the event loop free while a query runs', engine, async (t) => {
  const directory = temporaryDirectory();
  t.after(() => directory.remove());
  const store = await openEmbeddedStore({ directory: directory.path, memoryLimitBytes });
  t.after(() => store.close());
  const order: string[] = [];
  const query = store.query('SELECT max(sipHash64(number)) FROM numbers(20000000)').then(() => order.push('query'));
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve, 1));
  order.push('loop');
  await query;
  assert.deepEqual(order, ['loop', 'query']);
});

test('says who holds the directory, and opens it when that process was killed', engine, async (t) => {
  const directory = temporaryDirectory();
  t.after(() => directory.remove());
  const module = new URL('../../../platform/store/embedded.js', import.meta.url).href;
  const holder = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `const { openEmbeddedStore } = await import(${JSON.stringify(module)});
       await openEmbeddedStore({ directory: process.argv[1], memoryLimitBytes: ${memoryLimitBytes} });
       console.log('open'); setInterval(() => {}, 1000);`,
      directory.path,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  t.after(() => holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  await assert.rejects(openEmbeddedStore({ directory: directory.path, memoryLimitBytes }), {
    code: 'store_locked',
    message: new RegExp(`process ${holder.pid}$`),
  });
  const gone = once(holder, 'exit');
  holder.kill('SIGKILL');
  await gone;
  const store = await openEmbeddedStore({ directory: directory.path, memoryLimitBytes });
  await store.ping();
  await store.close();
});

test('says that a directory cannot be used', engine, async (t) => {
  const directory = temporaryDirectory();
  t.after(() => directory.remove());
  const file = join(directory.path, 'file');
  writeFileSync(file, '');
  await assert.rejects(openEmbeddedStore({ directory: file, memoryLimitBytes }), { code: 'store_unavailable' });
  const store = await openEmbeddedStore({ directory: join(directory.path, 'a'), memoryLimitBytes });
  await assert.rejects(openEmbeddedStore({ directory: join(directory.path, 'b'), memoryLimitBytes }), {
    code: 'store_unavailable',
  });
  await store.close();
});

const disk = mountSmallDisk(32 * 1024 * 1024);
const needsDisk = { ...engine, ...requires('the right to mount a small file system', disk.directory !== null) };
test(
  'reports a full disk as passing, keeps nothing of the insert, and takes it when there is room',
  needsDisk,
  async (t) => {
    t.after(() => disk.remove());
    const ballast = join(disk.directory as string, 'ballast');
    writeFileSync(ballast, Buffer.alloc(27 * 1024 * 1024));
    const store = await openEmbeddedStore({ directory: join(disk.directory as string, 'store'), memoryLimitBytes });
    t.after(() => store.close());
    await store.migrate();
    const events = Array.from({ length: 50_000 }, (_, position) => ({ source: '1', position }));
    const insert = { table: 'events', columns: ROW_COLUMNS, rows: rowsOf(events), token: 't' } as const;
    await assert.rejects(store.insert(insert), { code: 'disk_full', transient: true });
    assert.deepEqual(await store.query('SELECT count() AS n FROM events'), [{ n: '0' }]);
    rmSync(ballast);
    assert.ok(!existsSync(ballast));
    await store.insert(insert);
    await store.insert(insert);
    assert.deepEqual(await store.query('SELECT count() AS n FROM events'), [{ n: '50000' }]);
  },
);
