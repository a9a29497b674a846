import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { KafkaBus } from '../../../platform/kafka/bus.ts';
import { openKafkaState } from '../../../platform/kafka/state.ts';
import type { StateStore } from '../../../platform/ports.ts';
import { GatewatchError } from '../../../schemas/errors.ts';
import { CONTRACT_PARTITIONS } from '../../contracts/bus.ts';
import { stateStoreContract } from '../../contracts/state-store.ts';
import { requiresKafka } from '../../support/kafka/installation.ts';
import { sharedBroker } from '../../support/kafka-broker.ts';
import { type KafkaInstallation, kafkaInstallation } from '../../support/kafka-installation.ts';

const needs = requiresKafka();

const stateOf = (bus: KafkaBus, directory: string, layoutVersion = 1) =>
  openKafkaState({ bus, group: 'detector', directory, layoutVersion });

stateStoreContract(
  'state on Kafka',
  async () => {
    const installation = kafkaInstallation(await sharedBroker());
    return {
      async open() {
        const bus = await installation.open('one', { partitions: { ...CONTRACT_PARTITIONS, events: 10 } });
        const state = await stateOf(bus, join(installation.directoryOf('one'), 'state'));
        return {
          ...state,
          async close() {
            await state.close();
            await bus.close();
          },
        };
      },
      cleanup: async () => installation.remove(),
    };
  },
  { ...needs, partitions: [0, 1, 8, 9] },
);

async function withInstallation(run: (installation: KafkaInstallation) => Promise<void>): Promise<void> {
  const installation = kafkaInstallation(await sharedBroker());
  try {
    await run(installation);
  } finally {
    installation.remove();
  }
}

/** Rows and offset as a process finds them that takes the partition over. */
async function found(state: StateStore, partition: number): Promise<unknown> {
  const rows = new Map<number, number>();
  const checkpoint = await state.load(partition, ({ index, bytes }) => rows.set(index, bytes[0] ?? -1));
  return { next: checkpoint?.nextOffset, meta: checkpoint?.meta, rows: [...rows] };
}

const row = (index: number, byte: number) => ({ index, bytes: Buffer.alloc(864, byte) });

test('state on Kafka: another process, with an empty directory or an old copy, finds the last checkpoint', needs, () =>
  withInstallation(async (installation) => {
    const first = await installation.open('first');
    const second = await installation.open('second');
    const a = await stateOf(first, installation.directoryOf('first-state'));
    const b = await stateOf(second, installation.directoryOf('second-state'));
    try {
      await first.append(Array.from({ length: 5 }, () => ({ topic: 'events', partition: 1, value: Buffer.from('x') })));
      await a.save(1, { nextOffset: 1, meta: 'one' }, [row(0, 1), row(7, 1)]);
      assert.deepEqual(await found(b, 1), {
        next: 1,
        meta: 'one',
        rows: [
          [0, 1],
          [7, 1],
        ],
      });
      await a.save(1, { nextOffset: 2, meta: 'two' }, [row(7, 2), row(9, 2)]);
      const expected = {
        next: 2,
        meta: 'two',
        rows: [
          [0, 1],
          [7, 2],
          [9, 2],
        ],
      };
      assert.deepEqual(await found(b, 1), expected, 'with a copy of the first checkpoint');
      assert.equal(await second.committed('detector', 'events', 1), 2, 'the offset is part of the transaction');
      await b.close();
      rmSync(installation.directoryOf('second-state'), { recursive: true });
      const c = await stateOf(second, installation.directoryOf('second-state'));
      assert.deepEqual(await found(c, 1), expected, 'from an empty directory');
      await c.close();
    } finally {
      await a.close();
      await Promise.all([first.close(), second.close()]);
    }
  }),
);

test('state on Kafka: a former owner saves nothing more once another has taken the partition', needs, () =>
  withInstallation(async (installation) => {
    const first = await installation.open('first');
    const second = await installation.open('second');
    const a = await stateOf(first, installation.directoryOf('first-state'));
    const b = await stateOf(second, installation.directoryOf('second-state'));
    const lost = (error: unknown) => error instanceof GatewatchError && error.code === 'partition_lost';
    try {
      await first.append([{ topic: 'events', partition: 0, value: Buffer.from('x') }]);
      await a.save(0, { nextOffset: 0, meta: 'a' }, [row(0, 1)]);
      await b.save(0, { nextOffset: 1, meta: 'b' }, [row(0, 2)]);
      await assert.rejects(a.save(0, { nextOffset: 1, meta: 'zombie' }, [row(0, 3)]), lost);
      await assert.rejects(first.commit('detector', 'events', 0, 0), lost);
      assert.deepEqual(await found(b, 0), { next: 1, meta: 'b', rows: [[0, 2]] });
      assert.equal(await first.committed('detector', 'events', 0), 1);
    } finally {
      await Promise.all([a.close(), b.close()]);
      await Promise.all([first.close(), second.close()]);
    }
  }),
);

test('state on Kafka: rows of another layout are refused with what helps', needs, () =>
  withInstallation(async (installation) => {
    const bus = await installation.open();
    const state = await stateOf(bus, installation.directoryOf('state'));
    await state.save(0, { nextOffset: 0, meta: '' }, [row(0, 1)]);
    await state.close();
    const newer = await stateOf(bus, installation.directoryOf('state'), 2);
    await assert.rejects(
      newer.load(0, () => undefined),
      (error) =>
        error instanceof GatewatchError && error.code === 'state_foreign' && /topic_prefix/.test(error.message),
    );
    await newer.close();
    await bus.close();
  }),
);
