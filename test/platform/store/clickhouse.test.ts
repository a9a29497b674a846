import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createClient } from '@clickhouse/client';
import { CLIENT_LOG, createClickHouseStore } from '../../../platform/store/clickhouse.ts';
import { ROW_COLUMNS, rowsOf } from '../../support/store-blocks.ts';

const insert = {
  table: 'events',
  columns: ROW_COLUMNS,
  rows: rowsOf([{ source: '1', position: 1 }]),
  token: 't',
} as const;

test('a server that is away is a passing failure, named by its system error', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const store = createClickHouseStore({ client: createClient({ url: `http://127.0.0.1:${port}`, log: CLIENT_LOG }) });
  for (const run of [
    () => store.insert(insert),
    () => store.query('SELECT 1'),
    () => store.ping(),
    () => store.migrate(),
  ]) {
    await assert.rejects(run(), { code: 'store_unavailable', transient: true, message: /ECONNREFUSED$/ });
  }
  await store.close();
});

test('an insert sends its bytes unchanged, in one request, with its token and as one block', async () => {
  const requests: { url: URL; body: Buffer }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    requests.push({ url: new URL(request.url ?? '', 'http://localhost'), body: Buffer.concat(chunks) });
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const store = createClickHouseStore({ client: createClient({ url: `http://127.0.0.1:${port}`, log: CLIENT_LOG }) });
  const rows = Buffer.concat([insert.rows, Buffer.from([0x5b, 0xff, 0xfe, 0x00, 0x5d, 0x0a])]);
  await store.insert({ ...insert, rows, token: "g'1:0:5-9" });
  await store.close();
  await new Promise((resolve) => server.close(resolve));
  assert.equal(requests.length, 1);
  assert.deepEqual(requests[0]?.body, rows);
  const params = requests[0]?.url.searchParams;
  assert.equal(
    params?.get('query'),
    `INSERT INTO events (${ROW_COLUMNS.map((c) => `\`${c}\``).join(', ')}) FORMAT JSONCompactEachRow`,
  );
  assert.equal(params?.get('insert_deduplication_token'), "g'1:0:5-9");
  assert.equal(params?.get('async_insert'), '0');
  assert.equal(params?.get('deduplicate_blocks_in_dependent_materialized_views'), '1');
});
