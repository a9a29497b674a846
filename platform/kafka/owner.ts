import type { CompressionTypes, Kafka, Producer, RecordMetadata, Transaction } from 'kafkajs';
import { busError, partitionLost } from './bus-error.ts';
import { CLIENT_RETRY } from './connect.ts';
import { createProducer, cutSends, type Outgoing, topicsOf } from './producer.ts';

/**
 * After this the broker ends a transaction that its owner no longer drives; readers of the partitions in it wait for that.
 * A partition's transaction may be a whole state, and is ended at once by whoever takes the partition over.
 */
export const PARTITION_TIMEOUT_MS = 60_000;
/** A transaction of few records that belongs to one process: nobody else ends it. */
export const SHORT_TIMEOUT_MS = 10_000;

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
  /**
   * Ends of the records, as `commit` gives them, of a transaction whose end was asked for and not confirmed: once the next
   * owner is open, either all of them can be read or none.
   */
  readonly unsettled: ReadonlyMap<string, number> | null;
  close(): Promise<void>;
}

/** Fences every former owner of the id, ending its open transaction. Rejects with a transient bus error. */
export async function openOwner(
  kafka: Kafka,
  id: string,
  compression: CompressionTypes,
  timeoutMs: number,
): Promise<Owner> {
  const producer = createProducer(kafka, { transactionalId: id, transactionTimeout: timeoutMs });
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
  let unsettled: ReadonlyMap<string, number> | null = null;
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
      unsettled = ends;
      await transaction.commit();
      unsettled = null;
      return ends;
    } catch (error) {
      lost = true;
      const explained = busError(error, `transactional id ${id}`, topicsOf(records));
      throw explained.code === 'partition_lost' ? partitionLost(id, error) : partitionLost(id, explained);
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
    get unsettled() {
      return unsettled;
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
