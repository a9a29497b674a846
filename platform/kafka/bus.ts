import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Admin } from 'kafkajs';
import { GatewatchError } from '../../schemas/errors.ts';
import { TOPICS, type Topic } from '../../schemas/topics.ts';
import type { Bus, BusRecord, ConsumeOptions, Consumer, Logger, Mark, OutRecord, RawLog } from '../ports.ts';
import { busError } from './bus-error.ts';
import { type Compression, loadCodecs } from './codecs.ts';
import { connectKafka } from './connect.ts';
import { type GroupConsumer, startGroupConsumer } from './group-consumer.ts';
import { openLogReader } from './log-reader.ts';
import { type MarkKind, openMarks } from './marks.ts';
import { openOwners } from './owners.ts';
import { createRecordProducer, type Outgoing } from './producer.ts';
import { openRawLog } from './raw-log.ts';
import type { KafkaSettings } from './settings.ts';
import { groupName, type KafkaTopic, topicName } from './topic-names.ts';
import { settleTopics, type TopicPlan } from './topics.ts';
import { watchTrouble } from './trouble.ts';

const GENERATION_PREFIX = 'bus/generation/';
/** Ends of transactions in a row that are looked through for the last record. */
const MARKERS_MAX = 16;

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
  const lost = (topic: string, partition: number) =>
    log.error(
      { topic, partition },
      'records were removed by the retention of the topic before they were read: raise retention.ms, or let the readers catch up',
    );
  const kafka = connectKafka(settings, lost);
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
    try {
      await marks.sync();
      const producer = createRecordProducer(kafka, compression);
      const generation = await agreeOnGeneration(reader, topicName(prefix, 'marks'), producer.send);
      return serve({ options, kafka, admin, reader, marks, producer, generation, compression, trouble });
    } catch (error) {
      await marks.close();
      throw error;
    }
  } catch (error) {
    await Promise.allSettled([admin.disconnect(), reader.close()]);
    throw busError(error, `topics ${prefix}.*`);
  }
}

/**
 * Whoever comes first names the logs. Each candidate has a key of its own, so that compaction keeps all of them; the one
 * with the lowest offset counts for everybody: whoever decided alone did so on it, since the others came behind.
 */
async function agreeOnGeneration(
  reader: ReturnType<typeof openLogReader>,
  topic: string,
  send: (records: readonly Outgoing[]) => Promise<void>,
): Promise<string> {
  const known = await firstGeneration(reader, topic);
  if (known !== null) return known;
  const candidate = randomUUID();
  const key = Buffer.from(GENERATION_PREFIX + candidate);
  await send([{ topic, partition: 0, key, value: Buffer.from(candidate) }]);
  return (await firstGeneration(reader, topic)) ?? candidate;
}

async function firstGeneration(reader: ReturnType<typeof openLogReader>, topic: string): Promise<string | null> {
  const { start, end } = await reader.bounds(topic, 0);
  let first: string | null = null;
  await reader.read(
    topic,
    0,
    start,
    end,
    (records) => {
      const found = records.find(({ key }) => key?.toString().startsWith(GENERATION_PREFIX));
      first ??= found?.value?.toString() ?? null;
    },
    () => first !== null,
  );
  return first;
}

interface Opened {
  readonly options: KafkaBusOptions;
  readonly kafka: ReturnType<typeof connectKafka>;
  readonly admin: Admin;
  readonly reader: ReturnType<typeof openLogReader>;
  readonly marks: Awaited<ReturnType<typeof openMarks>>;
  readonly producer: ReturnType<typeof createRecordProducer>;
  readonly generation: string;
  readonly compression: Awaited<ReturnType<typeof loadCodecs>>;
  readonly trouble: ReturnType<typeof watchTrouble>;
}

function serve(opened: Opened): KafkaBus {
  const { options, kafka, admin, reader, marks, producer, generation, compression, trouble } = opened;
  const { prefix } = options;
  const name = (topic: KafkaTopic) => topicName(prefix, topic);
  const consumers = new Map<string, GroupConsumer>();
  const owners = openOwners({
    kafka,
    compression,
    prefix: `${prefix}-${generation}`,
    onLost(group, topic, partition, error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : 'another owner';
      options.log.warn(
        { group, topic, partition, cause },
        'a partition was lost; if it is still ours it is read again',
      );
      consumers.get(`${group}/${topic}`)?.check(partition);
    },
  });
  const asking = new Map<string, ReturnType<Admin['fetchOffsets']>>();
  let closing: Promise<void> | null = null;

  function check(topic: Topic, partition: number): void {
    if (!TOPICS.includes(topic) || !(partition >= 0 && partition < options.partitions[topic])) {
      throw new RangeError(`no partition ${partition} of ${topic}`);
    }
  }

  function outgoing(records: readonly OutRecord[]): Outgoing[] {
    for (const { topic, partition } of records) check(topic, partition);
    return records.map(({ topic, partition, value }) => ({
      topic: name(topic),
      partition,
      key: null,
      value: Buffer.from(value.buffer, value.byteOffset, value.byteLength),
    }));
  }

  async function guarded<T>(what: string, run: () => Promise<T>): Promise<T> {
    try {
      const result = await run();
      trouble.over(what);
      return result;
    } catch (error) {
      const explained = busError(error, what);
      if (explained.code !== 'partition_lost') trouble.began(what, explained);
      throw explained;
    }
  }

  async function consume(wanted: ConsumeOptions): Promise<Consumer> {
    const { group, topic } = wanted;
    const groupId = groupName(prefix, group, topic);
    const what = `${topic} for ${group}`;
    const consumer = await startGroupConsumer({
      kafka,
      groupId,
      topic: name(topic),
      sessionTimeoutMs: options.sessionTimeoutMs,
      async onAssign(partition) {
        await owners.acquire(group, topic, partition);
        try {
          await marks.sync();
          const from = await wanted.onAssign(partition);
          const { start } = await reader.bounds(name(topic), partition);
          const begin = from ?? (await committed(group, topic, partition)) ?? start;
          if (begin < start) {
            options.log.error(
              { topic: name(topic), partition, from: begin, to: start },
              'records were removed by the retention of the topic before they were read: raise retention.ms',
            );
          }
          return Math.max(begin, start);
        } catch (error) {
          await owners.release(group, topic, partition);
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
          await owners.release(group, topic, partition);
        }
      },
      isLost: (partition) => owners.isLost(group, topic, partition),
      onTrouble: (error) => (error === null ? trouble.over(what) : trouble.began(what, error)),
    });
    consumers.set(`${group}/${topic}`, consumer);
    void consumer.done.catch(() => undefined).finally(() => consumers.delete(`${group}/${topic}`));
    return consumer;
  }

  /** One request tells the offsets of all partitions: those who ask at the same time share it. */
  function offsetsOf(group: string, topic: Topic): ReturnType<Admin['fetchOffsets']> {
    const key = `${group}/${topic}`;
    const asked = asking.get(key);
    if (asked !== undefined) return asked;
    const asks = guarded('offsets', () =>
      admin.fetchOffsets({ groupId: groupName(prefix, group, topic), topics: [name(topic)] }),
    ).finally(() => asking.delete(key));
    asking.set(key, asks);
    return asks;
  }

  async function committed(group: string, topic: Topic, partition: number): Promise<number | null> {
    const [found] = await offsetsOf(group, topic);
    const offset = Number(found?.partitions.find((one) => one.partition === partition)?.offset ?? -1);
    return offset < 0 ? null : offset;
  }

  async function append(
    records: readonly OutRecord[],
    batchMarks: readonly Mark[] = [],
    atomic = false,
  ): Promise<void> {
    const out = outgoing(records);
    const markRecords = marks.outgoing(batchMarks);
    await guarded('append', async () => {
      if (atomic && markRecords.length > 0)
        await owners.commitAlone(`intake-${options.instance}`, [...out, ...markRecords]);
      else {
        if (out.length > 0) await producer.send(out);
        if (markRecords.length > 0) await producer.send(markRecords);
      }
    });
    await marks.keepLocal(batchMarks);
    if (markRecords.length > 0) await guarded('marks', () => marks.sync());
  }

  /** Behind the last record: the ends of transactions that stand behind it are nobody's to read. */
  async function endOf(topic: Topic, partition: number): Promise<number> {
    check(topic, partition);
    return guarded('offsets', async () => {
      const { start, end } = await reader.bounds(name(topic), partition);
      for (let last = end - 1; last >= Math.max(start, end - MARKERS_MAX); last--) {
        let found = false;
        await reader.read(name(topic), partition, last, last + 1, () => {
          found = true;
        });
        if (found) return last + 1;
      }
      return end;
    });
  }

  async function close(): Promise<void> {
    await Promise.allSettled([...consumers.values()].map((consumer) => consumer.stop()));
    await raw.close();
    await producer.close();
    await owners.close();
    await marks.close();
    await Promise.allSettled([reader.close(), admin.disconnect()]);
  }

  const raw = openRawLog({
    kafka,
    admin,
    sessionTimeoutMs: options.sessionTimeoutMs,
    replicationFactor: options.replicationFactor,
    trouble,
  });

  return {
    generation,
    raw,
    partitions: (topic) => options.partitions[topic],
    append: (records, batchMarks, { atomic = false } = {}) => append(records, batchMarks, atomic),
    syncMarks: () => guarded('marks', () => marks.sync()),
    getMark: (key) => marks.get(key),
    marks: (prefix) => marks.list(prefix).filter(({ key }) => !key.startsWith(GENERATION_PREFIX)),
    consume,
    async commit(group, topic, partition, nextOffset, commitMarks = [], records = []) {
      check(topic, partition);
      const end = { groupId: groupName(prefix, group, topic), topic: name(topic), partition, next: nextOffset };
      const out = [...outgoing(records), ...marks.outgoing(commitMarks)];
      await guarded('commit', () => owners.commit(group, topic, partition, out, end));
      await guarded('marks', () => marks.sync());
    },
    async saveOwned(group, topic, partition, nextOffset, compacted, records) {
      const end = { groupId: groupName(prefix, group, topic), topic: name(topic), partition, next: nextOffset };
      const out = records.map(({ key, value }) => ({ topic: name(compacted), partition, key, value }));
      const ends = await guarded('commit', () => owners.commit(group, topic, partition, out, end));
      return ends.get(`${name(compacted)}/${partition}`) ?? 0;
    },
    async readCompacted(topic, partition, from, onRecords) {
      const { start, end } = await reader.bounds(name(topic), partition);
      if (end < from)
        throw new GatewatchError('state_foreign', `topic ${name(topic)} was made anew; its local copy is older`);
      return reader.read(name(topic), partition, Math.max(from, start), end, (records) =>
        onRecords(records, (records.at(-1)?.offset ?? 0) + 1),
      );
    },
    committed,
    endOffset: endOf,
    async read(topic, partition, from, maxRecords) {
      check(topic, partition);
      const { start, end } = await reader.bounds(name(topic), partition);
      const found: BusRecord[] = [];
      await reader.read(
        name(topic),
        partition,
        Math.max(from, start),
        end,
        (records) => {
          for (const { offset, value } of records) found.push({ partition, offset, value: value ?? EMPTY });
        },
        () => found.length >= maxRecords,
      );
      return found.slice(0, maxRecords);
    },
    usage: () => null,
    trouble: () => trouble.current(),
    close() {
      closing ??= close();
      return closing;
    },
  };
}

const EMPTY = Buffer.alloc(0);
