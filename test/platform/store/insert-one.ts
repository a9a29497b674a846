import { openEmbeddedStore } from '../../../platform/store/embedded.ts';

// Child of the standard input test: stores one row in a new store and tells which rows are there.
const store = await openEmbeddedStore({ directory: process.argv[2] ?? '', memoryLimitBytes: 512 * 1024 * 1024 });
await store.migrate();
const columns = ['decision', 'time', 'tenant', 'kind', 'identity', 'channel', 'tick', 'expected', 'seen', 'nats'];
const row = ['ours', 0, 'default', 'user', 'x', 'requests', 'day', 1, '2', 3];
await store.insert({ table: 'evidence', columns, rows: Buffer.from(`${JSON.stringify(row)}\n`), token: 'one' });
const rows = await store.query<{ decision: string }>('SELECT decision FROM evidence');
console.log(rows.map(({ decision }) => decision).join());
await store.close();
