import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompressionTypes, type Kafka, type Transaction } from 'kafkajs';
import { connectKafka } from '../../../platform/kafka/connect.ts';
import { openLogReader } from '../../../platform/kafka/log-reader.ts';
import { openOwners } from '../../../platform/kafka/owners.ts';
import { topicName } from '../../../platform/kafka/topic-names.ts';
import { requiresKafka } from '../../support/kafka/installation.ts';
import { sharedBroker } from '../../support/kafka-broker.ts';
import { refused, withInstallation } from './refusal.ts';

const needs = requiresKafka();

/** The client, whose transactions end by `end` in the place of their commit. */
function clientThatEnds(kafka: Kafka, end: (transaction: Transaction) => Promise<void>): Kafka {
  return {
    ...kafka,
    producer(options) {
      const producer = kafka.producer(options);
      return {
        ...producer,
        async transaction() {
          const transaction = await producer.transaction();
          return { ...transaction, commit: () => end(transaction) };
        },
      };
    },
  } as Kafka;
}

const cut = () => Object.assign(new Error('Closed connection'), { name: 'KafkaJSConnectionClosedError' });

/** What stands on the topic after an append whose commit's end is not known, was tried again, and was followed by another. */
async function afterTrouble(end: (transaction: Transaction) => Promise<void>): Promise<string[]> {
  const brokers = await sharedBroker();
  const found: string[] = [];
  await withInstallation(brokers, async (installation) => {
    await (await installation.open()).close();
    const settings = { brokers, clientId: 'owners', tls: null, sasl: null };
    const kafka = connectKafka(settings);
    const reader = openLogReader(kafka, settings);
    const topic = topicName(installation.prefix, 'events');
    let healthy = false;
    const owners = openOwners({
      kafka: clientThatEnds(kafka, (transaction) => (healthy ? transaction.commit() : end(transaction))),
      compression: CompressionTypes.None,
      prefix: installation.prefix,
      onLost: () => undefined,
      async landed(place, next) {
        assert.equal(place, `${topic}/0`);
        await reader.settled(topic, 0);
        let there = false;
        await reader.read(topic, 0, next - 1, next, () => {
          there = true;
        });
        return there;
      },
    });
    const record = (text: string) => [{ topic, partition: 0, key: null, value: Buffer.from(text) }];
    await assert.rejects(owners.commitAlone('alone', record('first')), refused('bus_unavailable', /Kafka/));
    healthy = true;
    await owners.commitAlone('alone', record('first'));
    await owners.commitAlone('alone', record('second'));
    // What is the same as before, but is not a repetition, is written.
    await owners.commitAlone('alone', record('second'));
    await reader.settled(topic, 0);
    const { end: behind } = await reader.bounds(topic, 0);
    await reader.read(topic, 0, 0, behind, (records) => {
      for (const { value } of records) found.push(String(value));
    });
    await owners.close();
    await reader.close();
  });
  return found;
}

test(
  'owners: an append that came about though its answer was lost is there once when it is tried again',
  needs,
  async () => {
    const found = await afterTrouble(async (transaction) => {
      await transaction.commit();
      throw cut();
    });
    assert.deepEqual(found, ['first', 'second', 'second']);
  },
);

test('owners: an append whose end never reached the broker is there once when it is tried again', needs, async () => {
  const found = await afterTrouble(async () => {
    throw cut();
  });
  assert.deepEqual(found, ['first', 'second', 'second']);
});
