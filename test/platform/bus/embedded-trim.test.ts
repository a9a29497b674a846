import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { GatewatchError } from '../../../schemas/errors.ts';
import { DAY_MS, embedded, events } from '../../support/embedded-bus-rig.ts';

const HOUR_MS = 3_600_000;

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
