import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Bus, EventStore, Insert, PartitionEngine, StateStore } from '../../../platform/ports.ts';
import { startDetectStage } from '../../../platform/stages/detect.ts';
import { STORE_GROUP, startEventWriter } from '../../../platform/stages/store-writer.ts';
import type { Decision } from '../../../schemas/decision.ts';
import { GatewatchError } from '../../../schemas/errors.ts';
import { createMemoryBus } from '../../support/memory-bus.ts';
import { NO_METRICS, QUIET_LOG, until } from '../../support/sources-rig.ts';
import { blockOf } from '../../support/store-blocks.ts';

const LOST = 0;
const KEPT = 1;
const RECORDS = 6;

const lost = () => new GatewatchError('partition_lost', 'the partition has another owner now');

/** A bus of two partitions with records in both, that keeps what is written and refuses some of it, once for each. */
async function refusingBus(refuses: (write: string) => boolean): Promise<{ bus: Bus; writes: string[] }> {
  const inner = createMemoryBus(2, 1);
  for (let i = 0; i < RECORDS; i++) {
    await inner.append(
      [LOST, KEPT].map((partition) => {
        const value = blockOf([{ source: String(partition), position: i }]);
        return { topic: 'events', partition, value };
      }),
    );
  }
  const writes: string[] = [];
  const note = (write: string) => {
    writes.push(write);
    if (refuses(write)) throw lost();
  };
  const bus: Bus = {
    ...inner,
    async append(records, marks, options) {
      for (const { topic, partition } of records) note(`append ${topic} ${partition}`);
      return inner.append(records, marks, options);
    },
    async commit(group, topic, partition, next, marks, records) {
      const kind = marks?.some(({ key }) => key.endsWith('/intent')) ? 'intent' : 'commit';
      note(`${kind} ${partition}`);
      return inner.commit(group, topic, partition, next, marks, records);
    },
  };
  return { bus, writes };
}

/** Decides about every block it reads. */
const engineFor = (): PartitionEngine => ({
  apply(_value, onDecision) {
    onDecision({ id: 'd', action: 'notify', mode: 'shadow' } as Decision);
    return { events: 1, repeats: 0 };
  },
  meta: () => '{}',
  restoreMeta() {},
  restoreRow() {},
  takeDirtyRows: () => [],
  rowCount: () => 0,
});

for (const refused of [`append decisions ${LOST}`, `save ${LOST}`, `commit ${LOST}`]) {
  test(`the detector writes nothing more of a partition once it is lost (${refused}), goes on with others and does not fail`, async () => {
    const { bus, writes } = await refusingBus((write) => write === refused);
    const state: StateStore = {
      savesOffset: false,
      load: async () => null,
      async save(partition) {
        const write = `save ${partition}`;
        writes.push(write);
        if (write === refused) throw lost();
      },
      close: async () => {},
    };
    const stage = await startDetectStage({
      bus,
      state,
      engineFor,
      clock: { now: () => Date.now() },
      metrics: NO_METRICS,
      log: QUIET_LOG,
      checkpointMs: 3_600_000,
      checkpointEvents: 1,
    });
    await until(() => writes.filter((write) => write === `commit ${KEPT}`).length === RECORDS);
    await stage.stop();
    await stage.done;
    const ofLost = writes.filter((write) => write.endsWith(` ${LOST}`));
    assert.equal(ofLost.indexOf(refused), ofLost.length - 1, ofLost.join(', '));
  });
}

for (const refused of [`intent ${LOST}`, `commit ${LOST}`]) {
  test(`the store writer writes nothing more of a partition once it is lost (${refused}), goes on with others and does not fail`, async () => {
    const { bus, writes } = await refusingBus((write) => write === refused);
    const store: EventStore = {
      migrate: async () => {},
      async insert({ rows }: Insert) {
        // The receipt begins with the time of reception and the partition.
        writes.push(`insert ${JSON.parse(rows.toString().split('\n')[0] as string)[1]}`);
      },
      query: async () => [],
      ping: async () => {},
      close: async () => {},
    };
    const limits = { bytes: 1, waitMs: 5 };
    const writer = await startEventWriter({
      bus,
      store,
      log: QUIET_LOG,
      metrics: NO_METRICS,
      generation: 'g',
      limits,
      retryPauseMs: 1,
    });
    await until(() => writes.filter((write) => write === `commit ${KEPT}`).length === RECORDS);
    await writer.stop();
    await writer.done;
    const ofLost = writes.filter((write) => write.endsWith(` ${LOST}`));
    assert.deepEqual(
      ofLost,
      [`intent ${LOST}`, `insert ${LOST}`, `commit ${LOST}`].slice(0, refused.startsWith('intent') ? 1 : 3),
    );
    assert.equal(await bus.committed(STORE_GROUP, 'events', KEPT), RECORDS);
  });
}
