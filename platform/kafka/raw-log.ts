import type { Admin, Kafka } from 'kafkajs';
import type { RawLog } from '../ports.ts';
import { busError } from './bus-error.ts';
import { startGroupConsumer } from './group-consumer.ts';
import type { Trouble } from './trouble.ts';

/** Topics that log shippers write, read as a group: offsets are committed when what was made of the records is durable. */
export function openRawLog(options: {
  kafka: Kafka;
  admin: Admin;
  sessionTimeoutMs: number;
  replicationFactor: number | null;
  trouble: Trouble;
}): RawLog & { close(): Promise<void> } {
  const { kafka, admin, trouble } = options;
  const open = new Set<{ stop(): Promise<void> }>();

  return {
    async settle({ topic, partitions, retentionMs }) {
      try {
        const present = await admin.listTopics();
        if (present.includes(topic)) return;
        await admin.createTopics({
          waitForLeaders: true,
          topics: [
            {
              topic,
              numPartitions: partitions,
              replicationFactor: options.replicationFactor ?? -1,
              configEntries: [{ name: 'retention.ms', value: String(retentionMs) }],
            },
          ],
        });
      } catch (error) {
        throw busError(error, `topic ${topic}`);
      }
    },
    async consume(wanted) {
      const { groupId, topic } = wanted;
      const consumer = await startGroupConsumer({
        kafka,
        groupId,
        topic,
        sessionTimeoutMs: options.sessionTimeoutMs,
        async onAssign(partition) {
          try {
            const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] });
            const committed = Number(offsets?.partitions.find((one) => one.partition === partition)?.offset ?? -1);
            const bounds = (await admin.fetchTopicOffsets(topic)).find((one) => one.partition === partition);
            const low = Number(bounds?.low ?? 0);
            if (committed >= 0 && committed < low) wanted.onGap(partition, committed, low);
            const begin = committed >= 0 ? committed : wanted.from === 'end' ? Number(bounds?.high ?? 0) : low;
            // Written down at once: a topic that is read from its end must not be read from a later end after a restart.
            if (committed < 0) await consumer?.commit(partition, begin);
            await wanted.onAssign(partition);
            return Math.max(begin, low);
          } catch (error) {
            throw busError(error, `topic ${topic}`);
          }
        },
        onRecords: (partition, records) => wanted.onRecords(partition, records),
        onRevoke: (partition) => wanted.onRevoke(partition),
        isLost: () => false,
        onTrouble: (error) =>
          error === null ? trouble.over(`topic ${topic}`) : trouble.began(`topic ${topic}`, error),
      });
      open.add(consumer);
      return {
        stop: () => consumer.stop(),
        done: consumer.done,
        commit: (partition, next) => consumer.commit(partition, next),
      };
    },
    async close() {
      await Promise.allSettled([...open].map((consumer) => consumer.stop()));
    },
  };
}
