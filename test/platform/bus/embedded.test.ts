import assert from 'node:assert/strict';
import { statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type EmbeddedBus, type EmbeddedBusOptions, openEmbeddedBus } from '../../../platform/bus/embedded.ts';
import { GatewatchError } from '../../../schemas/errors.ts';
import { busContract, CONTRACT_PARTITIONS } from '../../contracts/bus.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

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

/** Opens buses in one new directory; closes and removes everything at the end. */
function embedded(
  title: string,
  run: (open: (options?: Partial<EmbeddedBusOptions>) => Promise<EmbeddedBus>, directory: string) => Promise<void>,
): void {
  test(`embedded bus: ${title}`, async () => {
    const directory = temporaryDirectory();
    const opened: EmbeddedBus[] = [];
    try {
      await run(async (options = {}) => {
        const partitions = { events: 2, decisions: 1, 'dead-letter': 1 };
        const defaults = { directory: directory.path, capBytes: 1e6, partitions, durability: 'default' } as const;
        const bus = await openEmbeddedBus({ ...defaults, ...options });
        opened.push(bus);
        return bus;
      }, directory.path);
    } finally {
      for (const bus of opened) await bus.close().catch(() => undefined);
      directory.remove();
    }
  });
}

// With a cap of 1,000,000 bytes events may fill 80 %, decisions 90 % together with them, dead letters 10 %. A record of
// 100,000 bytes takes 25 pages of 4,096 bytes and a leaf entry.
const BLOCK = Buffer.alloc(100_000, 1);
const events = (count: number, partition = 0) =>
  Array.from({ length: count }, () => ({ topic: 'events', partition, value: BLOCK }) as const);

const isFull = (transient: boolean) => (error: unknown) =>
  error instanceof GatewatchError && error.code === 'log_full' && error.transient === transient;

embedded('refuses an append past the cap as transient, and keeps nothing of it', async (open) => {
  const bus = await open();
  await bus.append(events(7));
  const before = bus.usage();
  await assert.rejects(bus.append([...events(1, 1), ...events(1)], [{ key: 'source', value: '8' }]), isFull(true));
  assert.deepEqual(bus.usage(), before);
  assert.equal(await bus.endOffset('events', 0), 7);
  assert.equal(await bus.endOffset('events', 1), 0);
  assert.equal(bus.getMark('source'), null);
});

embedded('trims at the cap what every group has committed past, and no more than needed', async (open) => {
  const bus = await open();
  await bus.append(events(7));
  await bus.commit('detector', 'events', 0, 5);
  await bus.commit('store', 'events', 0, 2);
  await bus.append(events(1));
  assert.equal(bus.startOffset('events', 0), 1);
  await bus.append(events(1));
  assert.equal(bus.startOffset('events', 0), 2);
  await assert.rejects(bus.append(events(1)), isFull(true));
  await bus.commit('store', 'events', 0, 9);
  await bus.append(events(1));
  assert.equal(bus.startOffset('events', 0), 3);
  assert.deepEqual(
    (await bus.read('events', 0, 0, 3)).map(({ offset }) => offset),
    [3, 4, 5],
  );
});

embedded('trims nothing before a consumer of the process has committed for the first time', async (open) => {
  const bus = await open();
  await bus.append(events(7));
  await bus.commit('detector', 'events', 0, 7);
  const consumer = await bus.consume({
    group: 'store',
    topic: 'events',
    onAssign: async () => null,
    onRecords: async () => undefined,
    onRevoke: async () => undefined,
  });
  await assert.rejects(bus.append(events(1)), isFull(true));
  await consumer.stop();
  await bus.forgetGroup('store');
  await bus.append(events(1));
});

embedded('holds no records for a group that was forgotten, also after a restart', async (open) => {
  const bus = await open();
  await bus.append(events(7));
  await bus.commit('detector', 'events', 0, 7);
  await bus.commit('store', 'events', 0, 0);
  await bus.forgetGroup('store');
  await bus.close();
  const again = await open();
  assert.equal(await again.committed('store', 'events', 0), null);
  await again.append(events(1));
});

embedded('takes decisions while the log is full of events', async (open) => {
  const bus = await open();
  await bus.append(events(7));
  await assert.rejects(bus.append(events(1)), isFull(true));
  await bus.append([{ topic: 'decisions', partition: 0, value: Buffer.from('{}') }]);
  assert.equal(await bus.endOffset('decisions', 0), 1);
});

embedded('refuses for good what can never fit under the cap', async (open) => {
  const bus = await open();
  await assert.rejects(bus.append([{ topic: 'events', partition: 0, value: Buffer.alloc(900_000) }]), isFull(false));
});

embedded('drops the oldest dead letters when their share is full, and counts them', async (open) => {
  const bus = await open();
  await bus.append(events(7));
  for (let i = 0; i < 30; i++) {
    await bus.append([{ topic: 'dead-letter', partition: 0, value: Buffer.alloc(10_000, i) }]);
  }
  const kept = await bus.read('dead-letter', 0, 0, 100);
  assert.equal(kept.at(-1)?.offset, 29);
  // 10,000 bytes take 3 pages and a leaf entry: 8 of them fit into 100,000 bytes.
  assert.equal(kept.length, 8);
  assert.equal(bus.droppedDeadLetters(), 22);
  assert.equal(bus.startOffset('events', 0), 0);
});

embedded('trims committed records after their retention, and others never', async (open) => {
  let now = 1_000_000_000_000;
  const bus = await open({ clock: { now: () => now } });
  await bus.append(events(2));
  now += 2 * HOUR_MS;
  await bus.append(events(2));
  await bus.commit('detector', 'events', 0, 4);
  now += 23 * HOUR_MS;
  await bus.trim();
  assert.equal(bus.startOffset('events', 0), 2);
  now += 365 * DAY_MS;
  await bus.append(events(1, 1));
  now += 365 * DAY_MS;
  await bus.trim();
  assert.equal(bus.startOffset('events', 0), 4);
  assert.equal(bus.startOffset('events', 1), 0);
});

embedded('drops dead letters after 14 days, and counts them', async (open) => {
  let now = 1_000_000_000_000;
  const bus = await open({ clock: { now: () => now } });
  await bus.append([{ topic: 'dead-letter', partition: 0, value: Buffer.from('a') }]);
  now += 13 * DAY_MS;
  await bus.append([{ topic: 'dead-letter', partition: 0, value: Buffer.from('b') }]);
  await bus.trim();
  assert.equal(bus.droppedDeadLetters(), 0);
  now += 2 * DAY_MS;
  await bus.trim();
  assert.equal(bus.droppedDeadLetters(), 1);
  assert.equal((await bus.read('dead-letter', 0, 0, 9)).length, 1);
});

embedded('trims more records than one transaction removes', async (open) => {
  let now = 1_000_000_000_000;
  const bus = await open({ capBytes: 50e6, clock: { now: () => now } });
  const value = Buffer.from('x');
  await bus.append(Array.from({ length: 25_000 }, () => ({ topic: 'events', partition: 1, value }) as const));
  await bus.commit('g', 'events', 1, 25_000);
  now += 2 * DAY_MS;
  await bus.trim();
  assert.equal(bus.startOffset('events', 1), 25_000);
  assert.equal(bus.usage().bytes, 0);
});

embedded('never gives an offset twice, though everything was trimmed before a restart', async (open) => {
  let now = 1_000_000_000_000;
  const clock = { now: () => now };
  const bus = await open({ clock });
  await bus.append(events(3));
  await bus.commit('g', 'events', 0, 3);
  now += 2 * DAY_MS;
  await bus.trim();
  await bus.close();
  const again = await open({ clock });
  assert.equal(await again.endOffset('events', 0), 3);
  await again.append(events(1));
  assert.equal((await again.read('events', 0, 0, 9))[0]?.offset, 3);
});

embedded('knows the live bytes again after a restart', async (open) => {
  const bus = await open();
  await bus.append(events(4));
  await bus.commit('g', 'events', 0, 2);
  await bus.append([...events(3), { topic: 'decisions', partition: 0, value: Buffer.alloc(10) }]);
  await bus.append(events(1, 1));
  const { bytes } = bus.usage();
  await bus.close();
  assert.equal((await open()).usage().bytes, bytes);
});

embedded('keeps the file near the live size while ten times the cap passes through', async (open, directory) => {
  const capBytes = 4e6;
  const bus = await open({ capBytes });
  for (let written = 0; written < 10 * capBytes; ) {
    const value = Buffer.alloc(1_000 + ((written * 7) % 200_000));
    const partition = written % 2;
    const end = await bus.endOffset('events', partition);
    await Promise.all([
      bus.append([{ topic: 'events', partition, value }]),
      bus.commit('g', 'events', partition, end),
      bus.commit('g', 'events', 1 - partition, await bus.endOffset('events', 1 - partition)),
    ]);
    written += value.length;
  }
  // Freed pages come in pieces that the next record may not fit into: a third more than the cap is the allowance.
  assert.ok(statSync(join(directory, 'data.mdb')).size < capBytes * 1.33);
});

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
