import type { CompressionTypes, Kafka, Producer } from 'kafkajs';
import { busError } from './bus-error.ts';
import { CLIENT_RETRY } from './connect.ts';

/** A record for a partition of a topic, by its full name. */
export interface Outgoing {
  readonly topic: string;
  readonly partition: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** Bytes of one request to a partition: below the broker's limit with room for keys and headers. */
export const SEND_MAX_BYTES = 800_000;

export type Message = { partition: number; key: Buffer | null; value: Buffer | null };

export function createProducer(
  kafka: Kafka,
  options: { transactionalId?: string; transactionTimeout?: number },
): Producer {
  return kafka.producer({
    ...options,
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    retry: CLIENT_RETRY,
    // Every message names its partition.
    createPartitioner:
      () =>
      ({ message }) =>
        message.partition ?? 0,
  });
}

/**
 * Cuts records into sends: a partition gets at most SEND_MAX_BYTES in one, in order. A record batch above the broker's
 * limit would be refused as a whole.
 */
export function cutSends(records: readonly Outgoing[]): { topic: string; messages: Message[] }[][] {
  const sends: Map<string, Message[]>[] = [];
  /** Per partition: the send that its next record goes to, and the bytes that it holds there. */
  const places = new Map<string, { send: number; bytes: number }>();
  for (const { topic, partition, key, value } of records) {
    const bytes = (key?.length ?? 0) + (value?.length ?? 0);
    const id = `${topic}/${partition}`;
    const place = places.get(id) ?? { send: 0, bytes: 0 };
    if (place.bytes > 0 && place.bytes + bytes > SEND_MAX_BYTES) {
      place.send += 1;
      place.bytes = 0;
    }
    place.bytes += bytes;
    places.set(id, place);
    let send = sends[place.send];
    if (send === undefined) {
      send = new Map();
      sends[place.send] = send;
    }
    const messages = send.get(topic);
    if (messages === undefined) send.set(topic, [{ partition, key, value }]);
    else messages.push({ partition, key, value });
  }
  return sends.map((send) => [...send].map(([topic, messages]) => ({ topic, messages })));
}

/** Appends records without a transaction. */
export interface RecordProducer {
  /** Resolves when all records are on their replicas, in order. Rejects with a GatewatchError; some may then be there. */
  send(records: readonly Outgoing[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * An idempotent producer that is made anew after each failure: the client reuses the sequence numbers of a request that it
 * gave up, and the broker would take the next records for a repetition of those and drop them.
 */
export function createRecordProducer(kafka: Kafka, compression: CompressionTypes): RecordProducer {
  let current: Promise<Producer> | null = null;
  let tail: Promise<unknown> = Promise.resolve();

  async function connect(): Promise<Producer> {
    const producer = createProducer(kafka, {});
    await producer.connect();
    return producer;
  }

  async function send(records: readonly Outgoing[]): Promise<void> {
    current ??= connect();
    const used = current;
    try {
      const producer = await used;
      for (const topicMessages of cutSends(records)) await producer.sendBatch({ acks: -1, compression, topicMessages });
    } catch (error) {
      current = null;
      void used.then((producer) => producer.disconnect()).catch(() => undefined);
      throw busError(error, topicsOf(records));
    }
  }

  return {
    send(records) {
      // One after the other: a failure must not hit requests that were sent behind it with the same producer.
      const sent = tail.then(() => send(records));
      tail = sent.catch(() => undefined);
      return sent;
    },
    async close() {
      await tail;
      await current?.then((producer) => producer.disconnect()).catch(() => undefined);
    },
  };
}

export function topicsOf(records: readonly Outgoing[]): string {
  return `topic ${[...new Set(records.map(({ topic }) => topic))].join(', ')}`;
}
