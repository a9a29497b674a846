import type { CompressionTypes, Kafka, Producer, RecordMetadata, Transaction } from 'kafkajs';
import { busError, partitionLost } from './bus-error.ts';
import { CLIENT_RETRY } from './connect.ts';
import { createProducer, cutSends, type Outgoing } from './producer.ts';

/** After this the broker ends a transaction that its owner no longer drives; readers of its partitions wait for that. */
const TRANSACTION_TIMEOUT_MS = 30_000;

/** Offsets that a transaction commits for a consumer group. */
export interface GroupOffset {
  readonly groupId: string;
  readonly topic: string;
  readonly partition: number;
  readonly next: number;
}

/**
 * The right to write what belongs to one thing, for instance the state of a partition. Whoever opens it last has it: the
 * broker refuses what a former owner sends (KIP-98 fencing by transactional id).
 */
export interface Owner {
  /**
   * One transaction. After a rejection (`partition_lost`, or a bus error whose outcome is unknown) the owner is of no use
   * any more: `lost` is true, and what came about must be read from the bus by whoever owns it next.
   * Resolves with the offset behind the last record per `topic/partition`.
   */
  commit(records: readonly Outgoing[], offset: GroupOffset | null): Promise<ReadonlyMap<string, number>>;
  readonly lost: boolean;
  close(): Promise<void>;
}

/** Fences every former owner of the id, ending its open transaction. Rejects with a transient bus error. */
export async function openOwner(kafka: Kafka, id: string, compression: CompressionTypes): Promise<Owner> {
  const producer = createProducer(kafka, { transactionalId: id, transactionTimeout: TRANSACTION_TIMEOUT_MS });
  try {
    await producer.connect();
    // The client asks for its producer id, which fences, when the first transaction begins; an empty one costs no more.
    await (await producer.transaction()).abort();
  } catch (error) {
    await producer.disconnect().catch(() => undefined);
    throw busError(error, `transactional id ${id}`);
  }
  return owner(producer, id, compression);
}

function owner(producer: Producer, id: string, compression: CompressionTypes): Owner {
  let lost = false;
  let tail: Promise<unknown> = Promise.resolve();

  async function commit(records: readonly Outgoing[], offset: GroupOffset | null): Promise<Map<string, number>> {
    if (lost) throw partitionLost(id, undefined);
    const ends = new Map<string, number>();
    try {
      const transaction = await producer.transaction();
      for (const topicMessages of cutSends(records)) {
        const answers = await transaction.sendBatch({ acks: -1, compression, topicMessages });
        for (const answer of answers) noteEnd(ends, answer, topicMessages);
      }
      if (offset !== null) await sendOffset(transaction, offset);
      await transaction.commit();
      return ends;
    } catch (error) {
      lost = true;
      const explained = busError(error, id);
      throw explained.code === 'partition_lost' ? explained : partitionLost(id, explained);
    }
  }

  return {
    commit(records, offset) {
      const done = tail.then(() => commit(records, offset));
      tail = done.catch(() => undefined);
      return done;
    },
    get lost() {
      return lost;
    },
    async close() {
      await tail;
      await producer.disconnect().catch(() => undefined);
    },
  };
}

function noteEnd(
  ends: Map<string, number>,
  { topicName, partition, baseOffset }: RecordMetadata,
  sent: readonly { topic: string; messages: readonly { partition: number }[] }[],
): void {
  const messages = sent.find(({ topic }) => topic === topicName)?.messages ?? [];
  const count = messages.reduce((sum, message) => sum + (message.partition === partition ? 1 : 0), 0);
  ends.set(`${topicName}/${partition}`, Number(baseOffset ?? 0) + count);
}

/**
 * A transaction that begins with an offset meets the end of the one before it, and a group that is new meets a coordinator
 * that is still loading: the client retries only sends, and knows these codes under other names.
 */
async function sendOffset(transaction: Transaction, { groupId, topic, partition, next }: GroupOffset): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await transaction.sendOffsets({
        consumerGroupId: groupId,
        topics: [{ topic, partitions: [{ partition, offset: String(next) }] }],
      });
      return;
    } catch (error) {
      const { retriable } = error as { retriable?: boolean };
      if (retriable !== true || attempt >= CLIENT_RETRY.retries) throw error;
      await new Promise((resolve) => setTimeout(resolve, CLIENT_RETRY.initialRetryTime * 2 ** attempt));
    }
  }
}
