import type { Admin, CompressionTypes, Kafka } from 'kafkajs';
import { GatewatchError } from '../../schemas/errors.ts';
import { TOPICS, type Topic } from '../../schemas/topics.ts';
import type { BusRecord, ConsumeOptions, Consumer, Mark, OutRecord } from '../ports.ts';
import type { KafkaBus, KafkaBusOptions } from './bus.ts';
import { busError } from './bus-error.ts';
import { GENERATION_PREFIX } from './generation.ts';
import type { GroupConsumer } from './group-consumer.ts';
import { fetchGroupOffsets, type GroupOffsets } from './group-offsets.ts';
import type { LogReader } from './log-reader.ts';
import type { Marks } from './marks.ts';
import { commitPart, startOwnedConsumer } from './owned-consumer.ts';
import { openOwners } from './owners.ts';
import type { Outgoing, RecordProducer } from './producer.ts';
import { openRawLog } from './raw-log.ts';
import { groupName, type KafkaTopic, topicName } from './topic-names.ts';
import type { Trouble } from './trouble.ts';

/** Ends of transactions in a row that are looked through for the last record. */
const MARKERS_MAX = 16;

/** What a bus is made of, opened. */
export interface Opened {
  readonly options: KafkaBusOptions;
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly reader: LogReader;
  readonly marks: Marks;
  readonly producer: RecordProducer;
  readonly generation: string;
  readonly compression: CompressionTypes;
  readonly trouble: Trouble;
  /** By group id. */
  readonly consumers: Map<string, GroupConsumer>;
}

/** The bus over what has been opened. `start` is to be called before anything else. */
export function busOnLogs(opened: Opened): KafkaBus & { start(): Promise<void> } {
  const { options, kafka, admin, reader, marks, producer, generation, compression, trouble, consumers } = opened;
  const { prefix } = options;
  const name = (topic: KafkaTopic) => topicName(prefix, topic);
  const intake = `intake-${options.instance}`;
  const owners = openOwners({
    kafka,
    compression,
    prefix: `${prefix}-${generation}`,
    onLost(group, topic, partition, error) {
      // Trouble with the broker is said once, by the commit.
      if (!(error instanceof GatewatchError && error.cause instanceof GatewatchError)) {
        options.log.warn({ group, topic, partition }, 'a partition was lost; if it is still ours it is read again');
      }
      consumers.get(groupName(prefix, group, topic))?.check(partition);
    },
    async landed(place, end) {
      const at = place.lastIndexOf('/');
      const topic = place.slice(0, at);
      const partition = Number(place.slice(at + 1));
      await reader.settled(topic, partition);
      return hasRecord(topic, partition, end - 1);
    },
  });
  const asking = new Map<string, Promise<GroupOffsets>>();
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
      const behind = explained.code === 'partition_lost' ? explained.cause : explained;
      if (behind instanceof GatewatchError) trouble.began(what, behind);
      throw explained;
    }
  }

  async function consume(wanted: ConsumeOptions): Promise<Consumer> {
    const { group, topic } = wanted;
    const groupId = groupName(prefix, group, topic);
    const consumer = startOwnedConsumer({
      wanted,
      kafka,
      groupId,
      topic: name(topic),
      sessionTimeoutMs: options.sessionTimeoutMs,
      owners,
      marks,
      reader,
      trouble,
      log: options.log,
      committed: (partition) => committed(group, topic, partition),
    });
    consumers.set(groupId, consumer);
    const gone = () => {
      if (consumers.get(groupId) === consumer) consumers.delete(groupId);
    };
    consumer.done.then(gone, gone);
    await consumer.launched;
    return consumer;
  }

  /** Whether a committed record stands at the offset. */
  async function hasRecord(topic: string, partition: number, offset: number): Promise<boolean> {
    let found = false;
    await reader.read(topic, partition, offset, offset + 1, () => {
      found = true;
    });
    return found;
  }

  /** One request tells the offsets of all partitions: those who ask at the same time share it. */
  function offsetsOf(group: string, topic: Topic): Promise<GroupOffsets> {
    const groupId = groupName(prefix, group, topic);
    const asked = asking.get(groupId);
    if (asked !== undefined) return asked;
    const asks = guarded('offsets', () => fetchGroupOffsets(admin, groupId, name(topic))).finally(() =>
      asking.delete(groupId),
    );
    asking.set(groupId, asks);
    return asks;
  }

  async function committed(group: string, topic: Topic, partition: number): Promise<number | null> {
    return (await offsetsOf(group, topic)).get(partition) ?? null;
  }

  async function append(
    records: readonly OutRecord[],
    batchMarks: readonly Mark[] = [],
    atomic = false,
  ): Promise<void> {
    const out = outgoing(records);
    const markRecords = marks.outgoing(batchMarks);
    await guarded('append', async () => {
      if (atomic && markRecords.length > 0) await owners.commitAlone(intake, [...out, ...markRecords]);
      else {
        if (out.length > 0) await producer.send(out);
        if (markRecords.length > 0) await producer.send(markRecords);
      }
    });
    await marks.keepLocal(batchMarks);
    if (markRecords.length > 0) await readBack();
  }

  /** What was written is durable: not to read it now is no reason to write it again. */
  async function readBack(): Promise<void> {
    await guarded('marks', () => marks.sync()).catch((error: unknown) => {
      if (!(error instanceof GatewatchError && error.transient)) throw error;
    });
  }

  /** Behind the last record: the ends of transactions that stand behind it are nobody's to read. */
  async function endOf(topic: Topic, partition: number): Promise<number> {
    check(topic, partition);
    return guarded('offsets', async () => {
      const { start, end } = await reader.bounds(name(topic), partition);
      for (let last = end - 1; last >= Math.max(start, end - MARKERS_MAX); last--) {
        if (await hasRecord(name(topic), partition, last)) return last + 1;
      }
      return end;
    });
  }

  async function close(): Promise<void> {
    await Promise.allSettled([...consumers.values()].map((consumer) => consumer.stop()));
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
    reader,
    trouble,
    log: options.log,
    consumers,
  });

  return {
    async start() {
      // First, since what stands behind an open transaction of a killed process of this name could not be read.
      try {
        await owners.openAlone(intake);
        await marks.sync();
      } catch (error) {
        await owners.close();
        throw error;
      }
    },
    generation,
    raw,
    partitions: (topic) => options.partitions[topic],
    append: (records, batchMarks, { atomic = false } = {}) => append(records, batchMarks, atomic),
    syncMarks: () => guarded('marks', () => marks.syncAll()),
    getMark: (key) => marks.get(key),
    marks: (prefix) => marks.list(prefix).filter(({ key }) => !key.startsWith(GENERATION_PREFIX)),
    consume,
    async commit(group, topic, partition, nextOffset, commitMarks = [], records = []) {
      check(topic, partition);
      const end = { groupId: groupName(prefix, group, topic), topic: name(topic), partition, next: nextOffset };
      const out = [...outgoing(records), ...marks.outgoing(commitMarks)];
      await guarded(commitPart(group, topic), () => owners.commit(group, topic, partition, out, end));
      await marks.keepLocal(commitMarks);
      if (commitMarks.length > 0) await readBack();
    },
    async saveOwned(group, topic, partition, nextOffset, compacted, records) {
      const end = { groupId: groupName(prefix, group, topic), topic: name(topic), partition, next: nextOffset };
      const out = records.map(({ key, value }) => ({ topic: name(compacted), partition, key, value }));
      const ends = await guarded(commitPart(group, topic), () => owners.commit(group, topic, partition, out, end));
      return ends.get(`${name(compacted)}/${partition}`) ?? 0;
    },
    async readCompacted(topic, partition, from, onRecords) {
      // A commit is answered before its end stands on the topic.
      await reader.settled(name(topic), partition);
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
