import type { Admin, Kafka } from 'kafkajs';
import type { Logger, RawConsumeOptions, RawConsumer, RawLog } from '../ports.ts';
import { busError } from './bus-error.ts';
import { type GroupConsumer, startGroupConsumer } from './group-consumer.ts';
import { fetchGroupOffsets } from './group-offsets.ts';
import type { LogReader } from './log-reader.ts';
import type { Trouble } from './trouble.ts';

/**
 * Topics that log shippers write, read as a group: offsets are committed when what was made of the records is durable.
 *
 * Misses: nothing fences a former owner. It does not commit below what the next one has committed, but for the moment
 * between looking and committing; records are then read twice after a restart.
 */
export function openRawLog(options: {
  kafka: Kafka;
  admin: Admin;
  reader: LogReader;
  sessionTimeoutMs: number;
  replicationFactor: number | null;
  trouble: Trouble;
  log: Logger;
  /** Consumers by group, for what the client says of them. */
  consumers: Map<string, GroupConsumer>;
}): RawLog {
  const { kafka, admin, reader, trouble, log, consumers } = options;

  async function committed(groupId: string, topic: string, partition: number): Promise<number | null> {
    try {
      return (await fetchGroupOffsets(admin, groupId, topic)).get(partition) ?? null;
    } catch (error) {
      throw busError(error, `group ${groupId}`);
    }
  }

  async function consume(wanted: RawConsumeOptions): Promise<RawConsumer> {
    const { groupId, topic } = wanted;
    const what = `topic ${topic}`;

    async function commit(partition: number, next: number): Promise<void> {
      // Given away: the next owner may be further already.
      if (!consumer.has(partition) && next <= ((await committed(groupId, topic, partition)) ?? -1)) return;
      await consumer.commit(partition, next);
    }

    async function begin(partition: number): Promise<number> {
      const known = await committed(groupId, topic, partition);
      const { start, end } = await reader.bounds(topic, partition);
      if (known !== null) {
        if (known < start) wanted.onGap(partition, known, start);
        return Math.max(known, start);
      }
      const first = wanted.from === 'end' ? end : start;
      // Written down at once: a topic that is read from its end must not be read from a later end after a restart.
      await consumer.commit(partition, first);
      return first;
    }

    const consumer = startGroupConsumer({
      kafka,
      groupId,
      topic,
      sessionTimeoutMs: options.sessionTimeoutMs,
      async onAssign(partition) {
        try {
          const first = await begin(partition);
          await wanted.onAssign(partition);
          return first;
        } catch (error) {
          throw busError(error, what);
        }
      },
      onRecords: (partition, records) => wanted.onRecords(partition, records),
      onRevoke: (partition) => wanted.onRevoke(partition),
      isLost: () => false,
      onTrouble: (error) => (error === null ? trouble.over(what) : trouble.began(what, error)),
      onGap(partition, from, to) {
        if (to > from) return wanted.onGap(partition, from, to);
        log.error(
          { topic, partition, from, to },
          'the topic is shorter than what was read of it (an unclean election, or made anew): it is read again from its start',
        );
      },
      bounds: (partition) => reader.bounds(topic, partition),
    });
    consumers.set(groupId, consumer);
    const gone = () => {
      if (consumers.get(groupId) === consumer) consumers.delete(groupId);
    };
    consumer.done.then(gone, gone);
    await consumer.launched;
    return { stop: () => consumer.stop(), done: consumer.done, commit };
  }

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
    consume,
  };
}
