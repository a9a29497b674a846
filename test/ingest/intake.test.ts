import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBlockEncoder } from '../../ingest/encoder.ts';
import { type Batch, createIntake } from '../../ingest/intake.ts';
import type { AppendOptions, Bus, Metrics } from '../../platform/ports.ts';
import { GatewatchError } from '../../schemas/errors.ts';
import { createMemoryBus } from '../support/memory-bus.ts';
import { QUIET_LOG, TEST_FORMAT, until } from '../support/sources-rig.ts';

const batch = (position: number, atomic?: boolean): Batch => ({
  sourceName: 'push',
  source: '1',
  format: TEST_FORMAT,
  bytes: Buffer.from('n1\n'),
  position,
  step: 'lines',
  marks: [],
  ...(atomic === undefined ? {} : { atomic }),
});

/** An intake over a bus whose appends fail with what `failure` gives. */
function rig(failure: () => Error | null) {
  const inner = createMemoryBus(1);
  const appends: (AppendOptions | undefined)[] = [];
  const bus: Bus = {
    ...inner,
    async append(records, marks, options) {
      const error = failure();
      if (error !== null) throw error;
      appends.push(options);
      return inner.append(records, marks, options);
    },
  };
  const gauges = new Map<string, number>();
  const metrics: Metrics = {
    count() {},
    gauge(name, labels, value) {
      if (name === 'gatewatch_intake_paused') gauges.set(String(labels.cause), value);
    },
  };
  const bytes = Buffer.from('["a line"]');
  const intake = createIntake({
    bus,
    encoder: createBlockEncoder({ partitions: 1, epoch: 1 }),
    line: { encode() {}, bytes, length: bytes.length, partition: 0 },
    clock: { now: () => 0 },
    metrics,
    log: QUIET_LOG,
    retryMs: 1,
  });
  return { intake, appends, gauges, bus };
}

test('the intake waits out every failure that can pass, says which it is, and then stores what it kept', async () => {
  let failure: GatewatchError | null = new GatewatchError('bus_unavailable', 'no broker answers', { transient: true });
  const { intake, gauges, bus } = rig(() => failure);
  const accepted = intake.accept(batch(0));
  await until(() => intake.paused() !== null);
  assert.deepEqual(intake.paused(), { cause: 'bus_unavailable', why: 'no broker answers' });
  assert.deepEqual(Object.fromEntries(gauges), { log_full: 0, disk_full: 0, bus_unavailable: 1 });
  failure = new GatewatchError('log_full', 'the log is full', { transient: true });
  await until(() => intake.paused()?.cause === 'log_full');
  assert.deepEqual(Object.fromEntries(gauges), { log_full: 1, disk_full: 0, bus_unavailable: 0 });
  failure = null;
  assert.equal((await accepted).accepted, 1);
  assert.equal(intake.paused(), null);
  assert.deepEqual(Object.fromEntries(gauges), { log_full: 0, disk_full: 0, bus_unavailable: 0 });
  assert.equal(await bus.endOffset('events', 0), 1);
  await intake.close();
});

test('a failure that does not pass is told to whoever handed the lines over', async () => {
  const refused = new GatewatchError('message_too_large', 'the broker refuses blocks of this size');
  const { intake } = rig(() => refused);
  await assert.rejects(intake.accept(batch(0)), refused);
  assert.equal(intake.paused(), null);
});

test('an append is atomic when any of the batches that travel in it is, and only then', async () => {
  const { intake, appends } = rig(() => null);
  await Promise.all([intake.accept(batch(0)), intake.accept(batch(1, false))]);
  await Promise.all([intake.accept(batch(2)), intake.accept(batch(3, true)), intake.accept(batch(4))]);
  await intake.accept(batch(5));
  assert.deepEqual(
    appends.map((options) => options?.atomic ?? false),
    [false, true, false],
  );
  await intake.close();
});
