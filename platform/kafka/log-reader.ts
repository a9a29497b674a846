import { createRequire } from 'node:module';
import type { Kafka } from 'kafkajs';
import { GatewatchError } from '../../schemas/errors.ts';
import { busError } from './bus-error.ts';
import { CLIENT_RETRY, clientOptions } from './connect.ts';
import type { KafkaSettings } from './settings.ts';

/** The parts of the client's inside that are used here; their version is pinned exactly (docs/adr/0010). */
interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  refreshMetadata(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  removeBroker(address: { host: string; port: number }): void;
  findLeaderForPartitions(topic: string, partitions: number[]): Record<string, number[]>;
  findBroker(node: { nodeId: string }): Promise<Broker>;
}

interface Broker {
  listOffsets(request: {
    isolationLevel: number;
    topics: { topic: string; partitions: { partition: number; timestamp: number }[] }[];
  }): Promise<{ responses: { partitions: { offset: string }[] }[] }>;
  fetch(request: {
    maxWaitTime: number;
    minBytes: number;
    maxBytes: number;
    isolationLevel: number;
    topics: { topic: string; partitions: { partition: number; fetchOffset: string; maxBytes: number }[] }[];
  }): Promise<{ responses: { topicName: string; partitions: PartitionData[] }[] }>;
}

interface PartitionData {
  readonly partition: number;
  readonly messages: readonly unknown[];
}

interface FetchedBatch {
  readonly rawMessages: readonly unknown[];
  readonly messages: readonly { offset: string; key: Buffer | null; value: Buffer | null }[];
  lastOffset(): string;
}

const inside = createRequire(import.meta.url);
const ClusterClass = inside('kafkajs/src/cluster/index.js') as new (options: object) => Cluster;
const BatchClass = inside('kafkajs/src/consumer/batch.js') as new (
  topic: string,
  fetchedOffset: string,
  data: PartitionData,
) => FetchedBatch;
const socketFactory = inside('kafkajs/src/network/socketFactory.js') as () => unknown;

const READ_UNCOMMITTED = 0;
const READ_COMMITTED = 1;
/** Times that the protocol gives to the ends of a partition. */
const LATEST = -1;
const EARLIEST = -2;
/** One partition is read at a time, so a fetch may be large; a larger record still comes. */
const FETCH_BYTES = 8 * 1024 * 1024;
/** Only records that exist are asked for: the broker need not wait for more. */
const FETCH_WAIT_MS = 500;
const METADATA_MAX_AGE_MS = 300_000;

/** A transaction under way takes some ms. One whose process died is ended by the next owner, or by the broker. */
const OPEN_TRANSACTION_MAX_MS = 5_000;
const LOOK_MS = 10;
const LOOK_MAX_MS = 200;

export interface KeyedRecord {
  readonly offset: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/**
 * Reads stretches of a partition without a consumer group: changelogs, marks, dead letters. Through a group, each
 * reading would wait for the broker's initial rebalance (3 s by default) and leave a group behind.
 */
export interface LogReader {
  /** First offset that is there, and the one behind what can be read: the first record of an open transaction ends it. */
  bounds(topic: string, partition: number): Promise<{ readonly start: number; readonly end: number }>;
  /**
   * Hands over the committed records in [from, to) in order, a fetch at a time; returns the offset behind the last one
   * looked at. `enough` ends it early.
   */
  read(
    topic: string,
    partition: number,
    from: number,
    to: number,
    onRecords: (records: readonly KeyedRecord[]) => Promise<void> | void,
    enough?: () => boolean,
  ): Promise<number>;
  /**
   * Waits until `bounds` ends behind everything that was written before the call: an open transaction hides what was
   * committed behind it. Rejects with a transient `bus_unavailable` when it stays open for long.
   */
  settled(topic: string, partition: number): Promise<void>;
  close(): Promise<void>;
}

export function openLogReader(kafka: Kafka, settings: KafkaSettings): LogReader {
  const cluster = new ClusterClass({
    ...clientOptions(settings),
    logger: kafka.logger(),
    retry: CLIENT_RETRY,
    socketFactory: socketFactory(),
    metadataMaxAge: METADATA_MAX_AGE_MS,
    allowAutoTopicCreation: false,
    isolationLevel: READ_COMMITTED,
  });
  let connected: Promise<void> | null = null;

  /** Carries out `run`; after a failure the connection and what is known of the cluster are made anew. */
  async function use<T>(topic: string, run: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        connected ??= cluster.connect();
        await connected;
        await cluster.addTargetTopic(topic);
        await cluster.refreshMetadataIfNecessary();
        return await run();
      } catch (error) {
        connected = null;
        const { host, port } = error as { host?: string; port?: number };
        if (host !== undefined && port !== undefined) cluster.removeBroker({ host, port });
        const { retriable } = error as { retriable?: boolean };
        if (retriable === false || attempt >= CLIENT_RETRY.retries) throw busError(error, `topic ${topic}`);
        await new Promise((resolve) => setTimeout(resolve, CLIENT_RETRY.initialRetryTime * 2 ** attempt));
        await cluster.refreshMetadata().catch(() => undefined);
      }
    }
  }

  async function leader(topic: string, partition: number): Promise<Broker> {
    const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]));
    if (nodeId === undefined) throw new Error(`no leader of ${topic} ${partition}`);
    return cluster.findBroker({ nodeId });
  }

  async function offsetAt(topic: string, partition: number, timestamp: number, isolationLevel: number) {
    const broker = await leader(topic, partition);
    const topics = [{ topic, partitions: [{ partition, timestamp }] }];
    const { responses } = await broker.listOffsets({ isolationLevel, topics });
    const offset = responses[0]?.partitions[0]?.offset;
    if (offset === undefined) throw new Error(`no answer for ${topic} ${partition}`);
    return Number(offset);
  }

  async function fetch(topic: string, partition: number, from: number): Promise<FetchedBatch> {
    const broker = await leader(topic, partition);
    const fetchOffset = String(from);
    const { responses } = await broker.fetch({
      maxWaitTime: FETCH_WAIT_MS,
      minBytes: 1,
      maxBytes: FETCH_BYTES,
      isolationLevel: READ_COMMITTED,
      topics: [{ topic, partitions: [{ partition, fetchOffset, maxBytes: FETCH_BYTES }] }],
    });
    const data = responses[0]?.partitions[0];
    if (data === undefined) throw new Error(`no answer for ${topic} ${partition}`);
    return new BatchClass(topic, fetchOffset, data);
  }

  return {
    bounds: (topic, partition) =>
      use(topic, async () => ({
        start: await offsetAt(topic, partition, EARLIEST, READ_COMMITTED),
        end: await offsetAt(topic, partition, LATEST, READ_COMMITTED),
      })),
    async read(topic, partition, from, to, onRecords, enough = () => false) {
      let next = from;
      while (next < to && !enough()) {
        const batch = await use(topic, () => fetch(topic, partition, next));
        if (batch.rawMessages.length === 0) {
          // Nothing below `to` is left: compaction removed the last records, or they are the ends of transactions.
          const { end } = await this.bounds(topic, partition);
          if (next >= Math.min(end, to)) break;
          next += 1;
          continue;
        }
        const records: KeyedRecord[] = [];
        for (const { offset, key, value } of batch.messages) {
          if (Number(offset) < to) records.push({ offset: Number(offset), key, value });
        }
        next = Number(batch.lastOffset()) + 1;
        if (records.length > 0) await onRecords(records);
      }
      return Math.min(next, to);
    },
    async settled(topic, partition) {
      const written = await use(topic, () => offsetAt(topic, partition, LATEST, READ_UNCOMMITTED));
      let waited = 0;
      for (let pauseMs = LOOK_MS; ; pauseMs = Math.min(pauseMs * 2, LOOK_MAX_MS)) {
        if ((await use(topic, () => offsetAt(topic, partition, LATEST, READ_COMMITTED))) >= written) return;
        if (waited >= OPEN_TRANSACTION_MAX_MS) {
          const message = `a transaction on topic ${topic}, partition ${partition} is still open; if its process was killed, the broker ends it within a minute`;
          throw new GatewatchError('bus_unavailable', message, { transient: true });
        }
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        waited += pauseMs;
      }
    },
    close: () => cluster.disconnect(),
  };
}
