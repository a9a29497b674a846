import assert from 'node:assert/strict';
import { unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openEmbeddedBus } from '../../../platform/bus/embedded.ts';
import { openEmbeddedState } from '../../../platform/state/embedded.ts';
import { GatewatchError } from '../../../schemas/errors.ts';
import { requires } from '../../support/requires.ts';
import { mountSmallDisk } from '../../support/small-disk.ts';

const DISK_BYTES = 16 * 1024 * 1024;
const BALLAST_BYTES = 6 * 1024 * 1024;
const disk = mountSmallDisk(DISK_BYTES);
after(() => disk.remove());
const present = requires('the right to mount a tmpfs', disk.directory !== null);

const isDiskFull = (error: unknown) =>
  error instanceof GatewatchError && error.code === 'disk_full' && error.transient && error.cause !== undefined;

test(
  'embedded bus: a full disk refuses the append, keeps nothing of it, and works on once there is room',
  present,
  async () => {
    const mount = disk.directory ?? '';
    const ballast = join(mount, 'ballast');
    writeFileSync(ballast, Buffer.alloc(BALLAST_BYTES));
    const options = {
      directory: join(mount, 'log'),
      capBytes: 10 * DISK_BYTES,
      partitions: { events: 2, decisions: 1, 'dead-letter': 1 },
      durability: 'default',
    } as const;
    let bus = await openEmbeddedBus(options);
    let appended = 0;
    const append = async () => {
      const value = Buffer.alloc(100_000, appended % 251);
      await bus.append([{ topic: 'events', partition: 0, value }], [{ key: 'n', value: `${appended}` }]);
      appended += 1;
    };

    await assert.rejects(async () => {
      for (;;) await append();
    }, isDiskFull);
    const { bytes } = bus.usage();
    // More than one at a time, and again: none may hang, crash the process or reject unseen.
    const failed = await Promise.allSettled([
      append(),
      append(),
      bus.append([], [{ key: 'n', value: 'x'.repeat(500_000) }]),
    ]);
    assert.ok(failed.every((one) => one.status === 'rejected' && isDiskFull(one.reason)));
    assert.equal(await bus.endOffset('events', 0), appended);
    assert.equal(bus.usage().bytes, bytes);
    assert.equal(bus.getMark('n'), `${appended - 1}`);

    unlinkSync(ballast);
    const before = appended;
    for (let i = 0; i < 20; i++) await append();
    assert.equal(await bus.endOffset('events', 0), before + 20);
    await bus.close();
    bus = await openEmbeddedBus(options);
    const records = await bus.read('events', 0, 0, 1_000);
    assert.equal(records.length, appended);
    assert.ok(records.every(({ value }, n) => value.equals(Buffer.alloc(100_000, n % 251))));
    await bus.close();
  },
);

test('embedded state: a full disk leaves the former checkpoint whole, and a later save succeeds', present, async () => {
  const mount = disk.directory ?? '';
  const ballast = join(mount, 'ballast');
  const directory = join(mount, 'state');
  const state = await openEmbeddedState({ directory, generation: 'g', layoutVersion: 1 });
  const rows = (count: number, fill: number) =>
    Array.from({ length: count }, (_, index) => ({ index, bytes: Buffer.alloc(1024, fill) }));
  await state.save(0, { nextOffset: 1, meta: 'one' }, rows(100, 1));
  fillUp(ballast);
  await assert.rejects(state.save(0, { nextOffset: 2, meta: 'two' }, rows(3_000, 2)), isDiskFull);
  const seen: number[] = [];
  assert.deepEqual(await state.load(0, ({ bytes }) => seen.push(bytes[7] ?? -1)), { nextOffset: 1, meta: 'one' });
  assert.deepEqual(seen, Array(100).fill(1));

  unlinkSync(ballast);
  await state.save(0, { nextOffset: 3, meta: 'three' }, rows(200, 3));
  seen.length = 0;
  assert.equal((await state.load(0, ({ bytes }) => seen.push(bytes[7] ?? -1)))?.nextOffset, 3);
  assert.deepEqual(seen, Array(200).fill(3));
  await state.close();
});

function fillUp(path: string): void {
  try {
    writeFileSync(path, Buffer.alloc(DISK_BYTES));
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  }
}
