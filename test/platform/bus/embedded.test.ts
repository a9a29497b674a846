import assert from 'node:assert/strict';
import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { openEmbeddedBus } from '../../../platform/bus/embedded.ts';
import { GatewatchError } from '../../../schemas/errors.ts';
import { busContract, CONTRACT_PARTITIONS } from '../../contracts/bus.ts';
import { DAY_MS, embedded, events } from '../../support/embedded-bus-rig.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

for (const durability of ['default', 'fsync'] as const) {
  busContract(`embedded bus, ${durability}`, async () => {
    const directory = temporaryDirectory();
    return {
      open: () =>
        openEmbeddedBus({ directory: directory.path, capBytes: 50e6, partitions: CONTRACT_PARTITIONS, durability }),
      cleanup: async () => directory.remove(),
    };
  });
}

embedded('refuses a directory made with another generation or other partitions, and says what helps', async (open) => {
  const bus = await open({ generation: 'one' });
  assert.equal(bus.generation, 'one');
  await bus.close();
  const foreign = (error: unknown) =>
    error instanceof GatewatchError && error.code === 'state_foreign' && /new data directory/.test(error.message);
  await assert.rejects(open({ generation: 'two' }), foreign);
  await assert.rejects(open({ partitions: { events: 4, decisions: 1, 'dead-letter': 1 } }), foreign);
  assert.equal((await open()).generation, 'one');
});

embedded('gives every new directory a generation of its own', async (open) => {
  const other = temporaryDirectory();
  try {
    const one = await open();
    const two = await open({ directory: other.path });
    assert.notEqual(one.generation, two.generation);
    await two.close();
  } finally {
    other.remove();
  }
});

embedded('refuses to be opened twice, and can be opened again once closed', async (open) => {
  const bus = await open();
  await assert.rejects(open(), (error) => error instanceof GatewatchError && error.code === 'store_locked');
  await bus.close();
  await open();
});

embedded('stops writing once another process has taken its directory over', async (open, directory) => {
  let now = 1_000_000_000_000;
  const first = await open({ clock: { now: () => now } });
  await first.append(events(1));
  await first.commit('g', 'events', 0, 1);
  unlinkSync(join(directory, 'owner.lock'));
  const second = await open();
  await second.append(events(1));
  const locked = (error: unknown) => error instanceof GatewatchError && error.code === 'store_locked';
  await assert.rejects(first.append(events(1)), locked);
  await assert.rejects(first.commit('g', 'events', 0, 0), locked);
  now += 2 * DAY_MS;
  await assert.rejects(first.trim(), locked);
  assert.equal(first.startOffset('events', 0), 0);
  assert.equal((await first.read('events', 0, 0, 9)).length, 1);
  assert.equal((await second.read('events', 0, 0, 9)).length, 2);
});

embedded('hands a consumer at most 64 records or 4 MiB at once, and a larger record alone', async (open) => {
  const bus = await open({ capBytes: 100e6 });
  const sizes = [...Array(200).fill(10), ...Array(9).fill(1_000_000), 6_000_000, 10];
  await bus.append(sizes.map((size) => ({ topic: 'events', partition: 0, value: Buffer.alloc(size) }) as const));
  const batches: number[] = [];
  const consumer = await bus.consume({
    group: 'g',
    topic: 'events',
    onAssign: async () => null,
    async onRecords(_, records) {
      batches.push(records.length);
      if (records.at(-1)?.offset === sizes.length - 1) void consumer.stop();
    },
    onRevoke: async () => undefined,
  });
  await consumer.done;
  // 200 small ones; 8 and 4 MB; 4 MB; 1 MB; 6 MB alone; the last.
  assert.deepEqual(batches, [64, 64, 64, 12, 4, 1, 1, 1]);
});

embedded('lets timers and other partitions run while one partition has much to read', async (open) => {
  const bus = await open();
  const value = Buffer.from('x');
  await bus.append(Array.from({ length: 640 }, () => ({ topic: 'events', partition: 0, value }) as const));
  await bus.append([{ topic: 'events', partition: 1, value }]);
  const order: string[] = [];
  const consumer = await bus.consume({
    group: 'g',
    topic: 'events',
    onAssign: async () => null,
    async onRecords(partition, records) {
      if (order.length === 0) setImmediate(() => order.push('timer'));
      order.push(`${partition}`);
      if (records.at(-1)?.offset === 639) void consumer.stop();
    },
    onRevoke: async () => undefined,
  });
  await consumer.done;
  assert.ok(order.indexOf('timer') > 0 && order.indexOf('timer') < order.lastIndexOf('0'));
  assert.ok(order.indexOf('1') <= 2);
});

embedded('says so when a consumer is to begin behind the end of the log', async (open) => {
  const bus = await open();
  const consumer = await bus.consume({
    group: 'detector',
    topic: 'events',
    onAssign: async () => 10,
    onRecords: async () => undefined,
    onRevoke: async () => undefined,
  });
  await assert.rejects(consumer.done, (error) => error instanceof GatewatchError && error.code === 'state_foreign');
});

embedded('refuses marks without a key and commits past the end', async (open) => {
  const bus = await open();
  await assert.rejects(bus.append([], [{ key: '', value: 'x' }]), RangeError);
  await assert.rejects(bus.append([], [{ key: 'k'.repeat(2_000), value: 'x' }]), RangeError);
  await assert.rejects(bus.commit('g', 'events', 0, 1), RangeError);
});

embedded('stops its consumers and finishes waiting appends when it is closed', async (open) => {
  const bus = await open();
  let revoked = 0;
  const consumer = await bus.consume({
    group: 'g',
    topic: 'events',
    onAssign: async () => null,
    onRecords: async () => undefined,
    onRevoke: async () => {
      revoked += 1;
    },
  });
  const appended = bus.append(events(1));
  await Promise.all([appended, bus.close(), bus.close()]);
  await consumer.done;
  assert.equal(revoked, 2);
  await assert.rejects(bus.append(events(1)), (error) => error instanceof GatewatchError);
  assert.equal(await (await open()).endOffset('events', 0), 1);
});
