import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Environment, openEnvironment } from '../../../platform/lmdb/environment.ts';
import type { Manifest } from '../../../platform/lmdb/manifest.ts';
import type { Write } from '../../../platform/lmdb/writes.ts';
import { type ErrorCode, GatewatchError } from '../../../schemas/errors.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const failsWith = (code: ErrorCode) => (error: unknown) => error instanceof GatewatchError && error.code === code;

function withEnvironment(
  title: string,
  run: (environment: Environment, reopen: () => Promise<Environment>) => Promise<void>,
) {
  test(title, async () => {
    const directory = temporaryDirectory();
    const open = () =>
      openEnvironment({
        directory: directory.path,
        tables: ['a', 'b'],
        mapBytes: 1e6,
        deferMeta: true,
        agree: (found: Manifest | null) => found ?? {},
      });
    try {
      const environment = await open();
      await run(environment, open).finally(() => environment.close());
    } finally {
      directory.remove();
    }
  });
}

const write = (environment: Environment, table: string, key: string, value: string | null, append = false): Write => ({
  table: environment.table(table),
  key: Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
  ...(append ? { append } : {}),
});

withEnvironment('writes to several tables take effect in order, and are there after a restart', async (one, reopen) => {
  await one.commit([write(one, 'a', 'k', '1'), write(one, 'a', 'k', '2'), write(one, 'b', 'gone', 'x')]);
  await one.commit([write(one, 'b', 'gone', null), write(one, 'b', 'never', null), write(one, 'b', 'empty', '')]);
  await one.close();
  const two = await reopen();
  try {
    assert.equal(two.table('a').getBinary(Buffer.from('k'))?.toString(), '2');
    assert.equal(two.table('b').getBinary(Buffer.from('gone')), undefined);
    assert.equal(two.table('b').getBinary(Buffer.from('empty'))?.length, 0);
  } finally {
    await two.close();
  }
});

withEnvironment('an appended entry whose key is not the last is told, and nothing is written any more', async (one) => {
  await one.commit([write(one, 'a', '2', 'x', true), write(one, 'a', '3', 'x', true)]);
  await assert.rejects(one.commit([write(one, 'a', '1', 'x', true)]), failsWith('store_unavailable'));
  await assert.rejects(one.commit([write(one, 'b', 'k', 'v')]), failsWith('store_unavailable'));
});

withEnvironment('what is written is readable as soon as the commit resolves', async (one) => {
  for (let i = 0; i < 200; i++) {
    const key = Buffer.from('k');
    one.table('a').getBinary(key);
    await one.commit([write(one, 'a', 'k', `${i}`)]);
    assert.equal(one.table('a').getBinary(key)?.toString(), `${i}`);
  }
});

withEnvironment('grows past the address space that was reserved', async (one) => {
  for (let i = 0; i < 8; i++) await one.commit([write(one, 'a', `${i}`, 'x'.repeat(1e6))]);
  assert.equal(one.table('a').getBinary(Buffer.from('0'))?.length, 1e6);
});

withEnvironment('refuses commits once it is closed', async (one) => {
  await one.close();
  await assert.rejects(one.commit([write(one, 'a', 'k', 'v')]), failsWith('store_unavailable'));
});

test('says which directory cannot be opened, and leaves no lock', async () => {
  const directory = temporaryDirectory();
  try {
    const path = join(directory.path, 'file');
    writeFileSync(path, '');
    const options = { tables: [], mapBytes: 1e6, deferMeta: true, agree: (found: Manifest | null) => found ?? {} };
    await assert.rejects(openEnvironment({ ...options, directory: path }), (error) => {
      assert.ok(error instanceof GatewatchError && error.code === 'store_unavailable');
      return error.message.includes(path);
    });
    const data = join(directory.path, 'data.mdb');
    for (const bytes of [100, 20_000]) {
      writeFileSync(data, Buffer.alloc(bytes, 7));
      await assert.rejects(openEnvironment({ ...options, directory: directory.path }), (error) => {
        assert.ok(error instanceof GatewatchError && error.code === 'store_unavailable');
        return /damaged/.test(error.message);
      });
    }
    writeFileSync(data, '');
    await (await openEnvironment({ ...options, directory: directory.path })).close();
  } finally {
    directory.remove();
  }
});
