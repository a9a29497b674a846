import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import { EMBEDDED_MEMORY_MIN_BYTES, openEmbeddedStore } from '../../../platform/store/embedded.ts';
import { CHDB, chdbPresent } from '../../support/chdb.ts';
import { requires } from '../../support/requires.ts';
import { ROW_COLUMNS, rowsOf } from '../../support/store-blocks.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const memoryLimitBytes = EMBEDDED_MEMORY_MIN_BYTES;

for (const table of ['events', 'activity_hourly']) {
  test(
    `an insert whose token survived a kill and whose rows in ${table} did not is taken when it is repeated`,
    requires(CHDB, chdbPresent()),
    async (t) => {
      const directory = temporaryDirectory();
      t.after(() => directory.remove());
      const insert = (n: number) => ({
        table: 'events' as const,
        columns: ROW_COLUMNS,
        rows: rowsOf([{ source: `${n}`, position: n }]),
        token: `t${n}`,
      });
      const before = await openEmbeddedStore({ directory: directory.path, memoryLimitBytes });
      await before.migrate();
      for (const n of [1, 2, 3]) await before.insert(insert(n));
      const [part] = await before.query<{ path: string }>(
        'SELECT path FROM system.parts WHERE table = {table:String} AND active ORDER BY min_block_number DESC LIMIT 1',
        { table },
      );
      await before.close();
      // What a kill leaves between the log of tokens and the move of the rows: the log, and a part that is not there.
      rmSync(part?.path ?? '', { recursive: true });

      // Twice: what was forgotten must stay so, and what is stored again must not be forgotten.
      for (let life = 0; life < 2; life++) {
        const store = await openEmbeddedStore({ directory: directory.path, memoryLimitBytes });
        await store.migrate();
        for (const n of [1, 2, 3]) await store.insert(insert(n));
        const rows = await store.query('SELECT source FROM events ORDER BY source');
        assert.deepEqual(rows, [{ source: '1' }, { source: '2' }, { source: '3' }]);
        const sums = await store.query('SELECT sum(requests) AS requests FROM activity_hourly');
        assert.deepEqual(sums, [{ requests: '3' }]);
        await store.close();
      }
    },
  );
}
