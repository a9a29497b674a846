import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import { requiresKafka } from '../../support/kafka/installation.ts';
import { sharedBroker } from '../../support/kafka-broker.ts';
import { checkOrder, groupLog, startMember } from './members.ts';
import { event, linesLog, reading, until, withInstallation } from './refusal.ts';

const needs = requiresKafka();

/** What the retention does in its time: the records before the offset are gone. */
async function removeBefore(topic: string, partition: number, offset: number): Promise<void> {
  const admin = new Kafka({ brokers: [...(await sharedBroker())], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  // The client knows only topics that were asked for.
  await admin.fetchTopicOffsets(topic);
  await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
  await admin.disconnect();
}

test('gaps: offsets that the ends of transactions take are passed over, by readers and by the lag', needs, async () =>
  withInstallation(await sharedBroker(), async (installation) => {
    const bus = await installation.open();
    const log = groupLog();
    const texts: string[] = [];
    for (let i = 0; i < 6; i++) {
      const marks = i % 2 === 0 ? [{ key: `idem/${i}`, value: '1' }] : [];
      await bus.append([event(`${i}a`), event(`${i}b`)], marks, { atomic: true });
      texts.push(`${i}a`, `${i}b`);
    }
    const records = await bus.read('events', 0, 0, 100);
    assert.deepEqual(
      records.map(({ value }) => String(value)),
      texts,
    );
    const consumer = await startMember(bus, 'one', log);
    const last = () => log.assignments.find(({ partition }) => partition === 0)?.offsets.at(-1);
    await until(() => last() === records.at(-1)?.offset);
    await until(async () => (await bus.committed('detector', 'events', 0)) === (await bus.endOffset('events', 0)));
    checkOrder(log, false);
    // Behind an end of a transaction, too, the next record is the next.
    await bus.append([event('6')], [{ key: 'idem/6', value: '1' }], { atomic: true });
    await until(async () => (await bus.committed('detector', 'events', 0)) === (await bus.endOffset('events', 0)));
    await consumer.stop();
    const again = groupLog();
    const second = await startMember(bus, 'two', again);
    await bus.append([event('7')]);
    await until(() => again.assignments.some(({ partition, offsets }) => partition === 0 && offsets.length > 0));
    assert.equal(again.assignments.find(({ partition }) => partition === 0)?.offsets.length, 1);
    await second.stop();
    await bus.close();
  }),
);

test(
  'gaps: records that were removed before a start are said, and reading begins at the first that is there',
  needs,
  async () =>
    withInstallation(await sharedBroker(), async (installation) => {
      const log = linesLog();
      const bus = await installation.open('one', { log });
      await bus.append(['a', 'b', 'c', 'd', 'e'].map((text) => event(text)));
      await bus.commit('detector', 'events', 0, 1);
      await removeBefore(`${installation.prefix}.events.v1`, 0, 3);
      const seen: number[] = [];
      const consumer = await bus.consume(
        reading('detector', async (_, records) => {
          for (const { offset } of records) seen.push(offset);
        }),
      );
      await until(() => seen.length === 2);
      assert.deepEqual(seen, [3, 4]);
      assert.equal(log.lines.filter((line) => /^error records were removed by the retention/.test(line)).length, 1);
      await consumer.stop();
      await bus.close();
    }),
);

test(
  'gaps: records that are removed in front of a slow reader are said, and it goes on at the first that is there',
  needs,
  async () =>
    withInstallation(await sharedBroker(), async (installation) => {
      const gaps: unknown[] = [];
      const log = { info() {}, warn() {}, error: (fields: unknown, text: string) => void gaps.push([fields, text]) };
      const bus = await installation.open('one', { log, compression: 'none' });
      const seen: number[] = [];
      let release = () => {};
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      const consumer = await bus.consume(
        reading('detector', async (_, records) => {
          for (const { offset } of records) seen.push(offset);
          await held;
        }),
      );
      // More than a partition's queue and the fetches under way take.
      const megabyte = Buffer.alloc(700_000, 1);
      for (let i = 0; i < 30; i++) await bus.append([{ topic: 'events', partition: 0, value: megabyte }]);
      await until(() => seen.length > 0);
      await removeBefore(`${installation.prefix}.events.v1`, 0, 28);
      release();
      await until(() => seen.at(-1) === 29);
      const hole = seen.findIndex((offset, i) => i > 0 && offset !== (seen[i - 1] ?? 0) + 1);
      assert.deepEqual(seen.slice(hole), [28, 29]);
      const [[fields, text]] = gaps as [[{ from: number; to: number }, string]];
      assert.equal(gaps.length, 1);
      assert.match(text, /removed by the retention/);
      assert.equal(fields.from, (seen[hole - 1] ?? 0) + 1);
      assert.equal(fields.to, 28);
      await consumer.stop();
      await bus.close();
    }),
);

test('gaps: of a raw topic the source hears which records were removed', needs, async () =>
  withInstallation(await sharedBroker(), async (installation) => {
    const topic = `raw-${installation.prefix}`;
    const groupId = `${installation.prefix}-raw`;
    const bus = await installation.open();
    await bus.raw.settle({ topic, partitions: 1, retentionMs: 3_600_000 });
    const producer = new Kafka({ brokers: [...(await sharedBroker())], logLevel: logLevel.NOTHING }).producer();
    await producer.connect();
    await producer.send({ topic, messages: ['a', 'b', 'c', 'd'].map((value) => ({ value })) });
    const seen: number[] = [];
    const gaps: number[][] = [];
    const consume = () =>
      bus.raw.consume({
        groupId,
        topic,
        from: 'beginning',
        onAssign: async () => undefined,
        async onRecords(_, records) {
          for (const { offset } of records) seen.push(offset);
        },
        onRevoke: async () => undefined,
        onGap: (...gap) => void gaps.push(gap),
      });
    const first = await consume();
    await until(() => seen.length === 4);
    await first.commit(0, 1);
    await first.stop();
    await removeBefore(topic, 0, 3);
    const second = await consume();
    await until(() => seen.length === 5);
    assert.deepEqual(gaps, [[0, 1, 3]]);
    assert.equal(seen.at(-1), 3);
    await second.stop();
    await producer.disconnect();
    await bus.close();
  }),
);
