import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { connectKafka } from '../../../platform/kafka/connect.ts';
import { createProducer } from '../../../platform/kafka/producer.ts';
import { topicName } from '../../../platform/kafka/topic-names.ts';
import type { GatewatchError } from '../../../schemas/errors.ts';
import { requiresKafka } from '../../support/kafka/installation.ts';
import { sharedBroker } from '../../support/kafka-broker.ts';
import { type KafkaInstallation, kafkaInstallation } from '../../support/kafka-installation.ts';

const needs = requiresKafka();

/** Partitions of the marks' topic, by kind. */
const STORE = 1;
const IDEMPOTENCY = 2;
/** Well above the time that a transaction under way takes, below the bound of the wait for it. */
const OPEN_MS = 1_500;

/** A transaction that a process left open on a partition of the marks. */
async function openTransaction(brokers: readonly string[], { prefix }: KafkaInstallation, partition: number) {
  const kafka = connectKafka({ brokers, clientId: 'gone', tls: null, sasl: null });
  const producer = createProducer(kafka, { transactionalId: `${prefix}-gone`, transactionTimeout: 60_000 });
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({
    topic: topicName(prefix, 'marks'),
    messages: [{ partition, key: 'gone', value: 'gone' }],
  });
  return {
    async end() {
      await transaction.abort();
      await producer.disconnect();
    },
  };
}

async function withInstallation(run: (installation: KafkaInstallation, brokers: readonly string[]) => Promise<void>) {
  const brokers = await sharedBroker();
  const installation = kafkaInstallation(brokers);
  try {
    await run(installation, brokers);
  } finally {
    installation.remove();
  }
}

test(
  'marks on Kafka: a new owner knows what its forerunner committed behind an open transaction of somebody else',
  needs,
  () =>
    withInstallation(async (installation, brokers) => {
      const former = await installation.open('one');
      await former.append([{ topic: 'events', partition: 0, value: Buffer.from('a') }]);
      const open = await openTransaction(brokers, installation, STORE);
      await former.commit('store', 'events', 0, 1, [{ key: 'store/events/0/state', value: '1' }]);
      const next = await installation.open('two');
      let known: string | null | undefined;
      const consumer = await next.consume({
        group: 'store',
        topic: 'events',
        async onAssign(partition) {
          if (partition === 0) known = next.getMark('store/events/0/state');
          return null;
        },
        onRecords: async () => {},
        onRevoke: async () => {},
      });
      // Long enough to join the group and to be assigned, were it not for the transaction.
      await wait(OPEN_MS + 4_000);
      assert.equal(known, undefined);
      await open.end();
      while (known === undefined) await wait(50);
      assert.equal(known, '1');
      await consumer.stop();
      await next.close();
      await former.close();
    }),
);

test('marks on Kafka: a repeated key behind an open transaction is not taken for a new one', needs, () =>
  withInstallation(async (installation, brokers) => {
    const bus = await installation.open('one');
    const open = await openTransaction(brokers, installation, IDEMPOTENCY);
    const record = { topic: 'events' as const, partition: 0, value: Buffer.from('a') };
    await bus.append([record], [{ key: 'idem/1', value: 'taken' }], { atomic: true });
    const synced = bus.syncMarks();
    await wait(OPEN_MS);
    await open.end();
    await synced;
    assert.equal(bus.getMark('idem/1'), 'taken');
    await bus.close();
  }),
);

test('marks on Kafka: a transaction that stays open holds nobody for ever', needs, () =>
  withInstallation(async (installation, brokers) => {
    const bus = await installation.open('one');
    const open = await openTransaction(brokers, installation, IDEMPOTENCY);
    await assert.rejects(
      bus.syncMarks(),
      (error: GatewatchError) => error.code === 'bus_unavailable' && error.transient,
    );
    await open.end();
    await bus.syncMarks();
    await bus.close();
  }),
);

test('bus on Kafka: a process that comes back ends the transaction in which it was killed', needs, () =>
  withInstallation(async (installation, brokers) => {
    const first = await installation.open('one');
    const kafka = connectKafka({ brokers, clientId: 'gone', tls: null, sasl: null });
    const transactionalId = `${installation.prefix}-${first.generation}-intake-one`;
    const killed = createProducer(kafka, { transactionalId, transactionTimeout: 60_000 });
    await killed.connect();
    const transaction = await killed.transaction();
    const topic = topicName(installation.prefix, 'events');
    await transaction.send({ topic, messages: [{ partition: 0, value: 'never committed' }] });
    const again = await installation.open('one', { directory: installation.directoryOf('again') });
    // Nothing stands between these and their readers.
    await again.append([{ topic: 'events', partition: 0, value: Buffer.from('b') }]);
    assert.deepEqual(
      (await again.read('events', 0, 0, 10)).map(({ value }) => value.toString()),
      ['b'],
    );
    await killed.disconnect();
    await again.close();
    await first.close();
  }),
);

test(
  'bus on Kafka: an append whose transaction the broker ended meanwhile goes through when it is tried again',
  needs,
  () =>
    withInstallation(async (installation, brokers) => {
      const bus = await installation.open('one');
      const append = () =>
        bus.append([{ topic: 'events', partition: 0, value: Buffer.from('a') }], [{ key: 'idem/1', value: 'taken' }], {
          atomic: true,
        });
      const kafka = connectKafka({ brokers, clientId: 'other', tls: null, sasl: null });
      // What the broker does by itself after the transaction's timeout: it raises the epoch.
      const other = createProducer(kafka, { transactionalId: `${installation.prefix}-${bus.generation}-intake-one` });
      await other.connect();
      await (await other.transaction()).abort();
      await assert.rejects(append(), (error: GatewatchError) => error.code === 'bus_unavailable' && error.transient);
      await append();
      await bus.syncMarks();
      assert.equal(bus.getMark('idem/1'), 'taken');
      await other.disconnect();
      await bus.close();
    }),
);
