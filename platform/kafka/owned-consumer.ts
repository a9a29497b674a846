import type { Kafka } from 'kafkajs';
import type { BusRecord, ConsumeOptions, Logger } from '../ports.ts';
import { type GroupConsumer, startGroupConsumer } from './group-consumer.ts';
import type { LogReader } from './log-reader.ts';
import type { Marks } from './marks.ts';
import type { Owners } from './owners.ts';
import type { Trouble } from './trouble.ts';

const EMPTY = Buffer.alloc(0);

export interface OwnedConsumerOptions {
  readonly wanted: ConsumeOptions;
  readonly kafka: Kafka;
  /** Full names. */
  readonly groupId: string;
  readonly topic: string;
  readonly sessionTimeoutMs: number;
  readonly owners: Owners;
  readonly marks: Marks;
  readonly reader: LogReader;
  readonly trouble: Trouble;
  readonly log: Logger;
  committed(partition: number): Promise<number | null>;
}

/** What the trouble of a group's commits is called. */
export function commitPart(group: string, topic: string): string {
  return `commit of ${topic} for ${group}`;
}

/**
 * Reads a topic of the bus as a group whose partitions have owners: before a partition is read its former owner is fenced,
 * and everything that it had made durable is known.
 */
export function startOwnedConsumer(options: OwnedConsumerOptions): GroupConsumer {
  const { wanted, topic, owners, marks, reader, trouble, log } = options;
  const { group } = wanted;
  const what = `${wanted.topic} for ${group}`;

  function onGap(partition: number, from: number, to: number): void {
    const message =
      to > from
        ? 'records were removed by the retention of the topic before they were read: raise retention.ms, or let the readers catch up'
        : 'the log is shorter than what was read of it (an unclean election, or a topic made anew): it is read again from its start';
    log.error({ group, topic, partition, from, to }, message);
  }

  const consumer = startGroupConsumer({
    kafka: options.kafka,
    groupId: options.groupId,
    topic,
    sessionTimeoutMs: options.sessionTimeoutMs,
    async onAssign(partition) {
      await owners.acquire(group, wanted.topic, partition);
      try {
        await marks.syncAll();
        const from = await wanted.onAssign(partition);
        const { start } = await reader.bounds(topic, partition);
        const begin = from ?? (await options.committed(partition)) ?? start;
        // Where nobody has read anything yet, the first that is there is the beginning.
        if (begin < start && begin > 0) onGap(partition, begin, start);
        return Math.max(begin, start);
      } catch (error) {
        await owners.release(group, wanted.topic, partition);
        throw error;
      }
    },
    onRecords: (partition, records) =>
      wanted.onRecords(
        partition,
        records.map(({ offset, value }) => ({ partition, offset, value: value ?? EMPTY }) satisfies BusRecord),
      ),
    async onRevoke(partition) {
      try {
        await wanted.onRevoke(partition);
      } finally {
        await owners.release(group, wanted.topic, partition);
      }
    },
    isLost: (partition) => owners.isLost(group, wanted.topic, partition),
    onTrouble(error) {
      if (error !== null) return trouble.began(what, error);
      trouble.over(what);
      // The partitions that it was about may be somebody else's now.
      trouble.over(commitPart(group, wanted.topic));
    },
    onGap,
    bounds: (partition) => reader.bounds(topic, partition),
  });
  const gone = () => {
    owners.forget(group, wanted.topic);
    trouble.over(what);
    trouble.over(commitPart(group, wanted.topic));
  };
  consumer.done.then(gone, gone);
  return consumer;
}
