import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Checkpoint, RowImage, StateStore } from '../../platform/ports.ts';

/** One store, empty at first. `open` opens it, and opens it again after `close`. */
export interface StateStoreFixture {
  open(): Promise<StateStore>;
  cleanup(): Promise<void>;
}

/** What every implementation of the state store must do. */
export function stateStoreContract(
  name: string,
  create: () => Promise<StateStoreFixture>,
  options: { skip?: string; partitions?: readonly number[] } = {},
): void {
  const { partitions = [0, 1, 255, 256] } = options;

  function contract(title: string, run: (store: StateStore, fixture: StateStoreFixture) => Promise<void>): void {
    test(`${name}: ${title}`, options, async () => {
      const fixture = await create();
      try {
        const store = await fixture.open();
        try {
          await run(store, fixture);
        } finally {
          await store.close();
        }
      } finally {
        await fixture.cleanup();
      }
    });
  }

  contract('has no checkpoint of a partition that was never saved', async (store) => {
    await store.save(0, checkpoint(1), [row(0, 1)]);
    assert.deepEqual(await loaded(store, 1), { checkpoint: null, rows: [] });
  });

  contract('gives back rows, meta and offset as they were saved, also without rows', async (store) => {
    await store.save(2, { nextOffset: 2 ** 40, meta: '{"high":{"7":9007199254740991},"ä":"\\u0000"}' }, []);
    assert.deepEqual(await loaded(store, 2), {
      checkpoint: { nextOffset: 2 ** 40, meta: '{"high":{"7":9007199254740991},"ä":"\\u0000"}' },
      rows: [],
    });
  });

  contract('loads rows in the order of their numbers, however they were saved', async (store) => {
    await store.save(0, checkpoint(1), [row(70_000, 1), row(3, 2), row(4_294_967_295, 3), row(0, 4)]);
    assert.deepEqual((await loaded(store, 0)).rows, [
      [0, 4],
      [3, 2],
      [70_000, 1],
      [4_294_967_295, 3],
    ]);
  });

  contract('replaces the rows of a later save and keeps the others', async (store) => {
    await store.save(0, checkpoint(1), [row(0, 1), row(1, 1), row(2, 1)]);
    await store.save(0, checkpoint(2), [row(1, 2), row(3, 2)]);
    assert.deepEqual(await loaded(store, 0), {
      checkpoint: checkpoint(2),
      rows: [
        [0, 1],
        [1, 2],
        [2, 1],
        [3, 2],
      ],
    });
  });

  contract('keeps partitions apart, also when they are saved at the same time', async (store) => {
    await Promise.all(
      partitions.map((partition) => store.save(partition, checkpoint(partition), [row(5, partition % 251)])),
    );
    for (const partition of partitions) {
      assert.deepEqual(await loaded(store, partition), {
        checkpoint: checkpoint(partition),
        rows: [[5, partition % 251]],
      });
    }
  });

  contract('saves rows as they are at the call, though they change before it is done', async (store) => {
    const bytes = Buffer.alloc(1024, 1);
    const saving = store.save(0, checkpoint(1), [{ index: 0, bytes }]);
    bytes.fill(9);
    await saving;
    assert.deepEqual((await loaded(store, 0)).rows, [[0, 1]]);
  });

  contract('keeps a large partition whole over a restart', async (store, fixture) => {
    const count = 10_000;
    await store.save(0, checkpoint(1), rows(count));
    await store.close();
    const again = await fixture.open();
    try {
      const { rows: found } = await loaded(again, 0);
      assert.equal(found.length, count);
      assert.ok(found.every(([index, fill], i) => index === i && fill === i % 251));
    } finally {
      await again.close();
    }
  });
}

function checkpoint(nextOffset: number): Checkpoint {
  return { nextOffset, meta: `{"n":${nextOffset}}` };
}

function row(index: number, fill: number): RowImage {
  return { index, bytes: Buffer.alloc(1024, fill) };
}

function* rows(count: number): Iterable<RowImage> {
  for (let i = 0; i < count; i++) yield row(i, i % 251);
}

/** Rows as [number, fill byte]; a row that is not 1,024 equal bytes fails. */
async function loaded(store: StateStore, partition: number) {
  const found: [number, number][] = [];
  const at = await store.load(partition, ({ index, bytes }) => {
    const fill = bytes[0] ?? -1;
    assert.ok(Buffer.from(bytes).equals(Buffer.alloc(1024, fill)));
    found.push([index, fill]);
  });
  return { checkpoint: at, rows: found };
}
