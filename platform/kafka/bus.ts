import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Topic } from '../../schemas/topics.ts';
import type { Bus, Logger, RawLog } from '../ports.ts';
import { busError } from './bus-error.ts';
import { busOnLogs } from './bus-on-logs.ts';
import { type Compression, loadCodecs } from './codecs.ts';
import { connectKafka } from './connect.ts';
import { agreeOnGeneration } from './generation.ts';
import type { GroupConsumer } from './group-consumer.ts';
import { openLogReader } from './log-reader.ts';
import { type MarkKind, openMarks } from './marks.ts';
import { createRecordProducer } from './producer.ts';
import type { KafkaSettings } from './settings.ts';
import { type KafkaTopic, topicName } from './topic-names.ts';
import { settleTopics, type TopicPlan } from './topics.ts';
import { watchTrouble } from './trouble.ts';

export interface KafkaBusOptions extends TopicPlan {
  readonly settings: KafkaSettings;
  readonly compression: Compression;
  readonly sessionTimeoutMs: number;
  /** What can be made again from the topics is kept here, and this instance's name. */
  readonly directory: string;
  /** Names this process among those of the installation; the same after a restart. */
  readonly instance: string;
  /** Kinds of marks that this process reads. */
  readonly markKinds: readonly MarkKind[];
  readonly log: Logger;
}

export interface KafkaBus extends Bus {
  /** Names the logs: whatever is derived from their offsets belongs to this generation alone. */
  readonly generation: string;
  /** Topics that log shippers write. */
  readonly raw: RawLog;
  /**
   * One transaction of the partition's owner: keyed records for the partition of the same number of a compacted topic, and
   * the group's offset. Returns the offset behind the last record. Rejects with `partition_lost`.
   */
  saveOwned(
    group: string,
    topic: Topic,
    partition: number,
    nextOffset: number,
    compacted: KafkaTopic,
    records: readonly { readonly key: Buffer; readonly value: Buffer }[],
  ): Promise<number>;
  /** Bounds and keyed records of a compacted topic's partition. */
  readCompacted(
    topic: KafkaTopic,
    partition: number,
    from: number,
    onRecords: (records: readonly { key: Buffer | null; value: Buffer | null }[], next: number) => Promise<void>,
  ): Promise<number>;
}

/**
 * Opens the logs on a Kafka cluster: creates or checks the topics, reads the marks. Contract: ports.ts.
 *
 * Records go out by an idempotent producer, what must be one by transactions; consumers read committed records only.
 * Rejects with a transient `bus_unavailable` while no broker answers, `bus_refused` (login, rights, TLS) and `topic_unfit`.
 */
export async function openKafkaBus(options: KafkaBusOptions): Promise<KafkaBus> {
  const { settings, prefix, log } = options;
  const compression = await loadCodecs(options.compression);
  const consumers = new Map<string, GroupConsumer>();
  const kafka = connectKafka(settings, (groupId, partition) => consumers.get(groupId)?.outOfRange(partition));
  const admin = kafka.admin();
  const trouble = watchTrouble(log);
  const reader = openLogReader(kafka, settings);
  try {
    await admin.connect();
    await settleTopics(admin, options);
    const { clusterId } = await admin.describeCluster();
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    const marks = await openMarks({
      reader,
      topic: topicName(prefix, 'marks'),
      directory: join(options.directory, 'marks'),
      clusterId,
      kinds: [...new Set<MarkKind>(['general', ...options.markKinds])],
    });
    const producer = createRecordProducer(kafka, compression);
    try {
      const generation = await agreeOnGeneration(reader, topicName(prefix, 'marks'), producer.send);
      const bus = busOnLogs({
        options,
        kafka,
        admin,
        reader,
        marks,
        producer,
        generation,
        compression,
        trouble,
        consumers,
      });
      await bus.start();
      return bus;
    } catch (error) {
      await producer.close();
      await marks.close();
      throw error;
    }
  } catch (error) {
    await Promise.allSettled([admin.disconnect(), reader.close()]);
    throw busError(error, `topics ${prefix}.*`);
  }
}
