import { BLOCK_MAX_LINES } from '../../schemas/block.ts';
import type { Topic } from '../../schemas/topics.ts';
import type { BusRecord } from '../ports.ts';
import { inTurn, type Turn } from '../store/turn.ts';
import type { Batch } from './batch.ts';
import { createDecisionBatch } from './decision-batch.ts';
import { createEventBatch } from './event-batch.ts';
import { createRetry, Stopped } from './retry.ts';
import { type StoreBatchOptions, storeBatch } from './store-batch.ts';
import { type Intent, readIntent, readState } from './stored-state.ts';

/** Consumer group of the store: its commits say what `events` and `decisions` may forget. */
export const STORE_GROUP = 'store';

/** When a batch is cut. */
export interface BatchLimits {
  /** ClickHouse takes rows best in large blocks; a block of the bus more would not pass this. */
  readonly rows: number;
  /** The engine needs about four times as much memory while it takes them in. */
  readonly bytes: number;
  /** From here on partitions cut smaller batches; together they hold at most twice as much. */
  readonly totalBytes: number;
  /** How long a row waits for others. Each insert costs some 20 ms of CPU however small it is. */
  readonly waitMs: number;
}

export const DEFAULT_LIMITS: BatchLimits = {
  rows: 100_000,
  bytes: 32 * 1024 * 1024,
  totalBytes: 128 * 1024 * 1024,
  waitMs: 5_000,
};

export interface StoreWriterOptions extends Omit<StoreBatchOptions, 'topic' | 'group'> {
  readonly limits?: Partial<BatchLimits>;
  /** First pause after a transient failure; for tests. */
  readonly retryPauseMs?: number;
}

export interface StoreWriter {
  /** Rejects when the writer died of an error; resolves after stop. */
  readonly done: Promise<void>;
  /** Stores what is in hand, unless the store is failing (then it is repeated at the next start), and resolves. */
  stop(): Promise<void>;
}

/** Stage `events` -> store: each (source, position) becomes one row of `events`. */
export function startEventWriter(options: StoreWriterOptions): Promise<StoreWriter> {
  return start(options, 'events', createEventBatch);
}

/** Stage `decisions` -> store: each decision once in `decisions`, with its reasons in `evidence`. */
export function startDecisionWriter(options: StoreWriterOptions): Promise<StoreWriter> {
  return start(options, 'decisions', createDecisionBatch);
}

type NewBatch = (options: { marks: unknown; onRepeats(count: number): void }) => Batch;

interface Partition {
  readonly number: number;
  readonly batch: Batch;
  /** Work on the partition, one piece at a time: records, the timer and revocation meet here. */
  readonly turn: Turn;
  /** Everything below is stored. */
  first: number;
  /** Everything below is stored or in the batch. */
  next: number;
  /** The intent that a former process left: exactly its records are stored before anything new. */
  intent: Intent | null;
  timer: NodeJS.Timeout | null;
  /** Bytes on their way into the store. */
  storingBytes: number;
  /** A batch failed, was stopped, or the partition has another owner: whoever has it next stores the rest. */
  abandoned: boolean;
}

async function start(options: StoreWriterOptions, topic: Topic, newBatch: NewBatch): Promise<StoreWriter> {
  const { bus, log, metrics } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const storing: StoreBatchOptions = { ...options, topic, group: STORE_GROUP };
  const partitions = new Map<number, Partition>();
  const stopping = new AbortController();
  let die: (error: unknown) => void = () => {};
  const died = new Promise<never>((_, reject) => {
    die = reject;
  });

  /** Stores the batch in hand. */
  async function flush(partition: Partition): Promise<void> {
    if (partition.timer !== null) clearTimeout(partition.timer);
    partition.timer = null;
    if (partition.next === partition.first || partition.abandoned) return;
    const retry = createRetry({
      log,
      metrics,
      fields: { topic, partition: partition.number },
      signal: stopping.signal,
      ...(options.retryPauseMs === undefined ? {} : { pauseMs: options.retryPauseMs }),
    });
    const { batch, first, next, intent: repeats } = partition;
    partition.storingBytes = batch.bytes;
    const inserts = batch.take();
    const marks = batch.marks();
    try {
      await storeBatch(storing, retry, { partition: partition.number, first, next, inserts, marks, repeats });
    } catch (error) {
      // The rows have left the batch: going on would commit past them.
      partition.abandoned = true;
      if (error instanceof Stopped) return;
      throw error;
    }
    partition.first = next;
    partition.intent = null;
    partition.storingBytes = 0;
  }

  function full({ batch }: Partition): boolean {
    if (batch.rows > limits.rows - BLOCK_MAX_LINES || batch.bytes >= limits.bytes) return true;
    // Memory is short: whoever holds its share or more gives it up.
    if (batch.bytes < limits.totalBytes / partitions.size) return false;
    let total = 0;
    for (const other of partitions.values()) total += other.batch.bytes + other.storingBytes;
    return total >= limits.totalBytes;
  }

  async function take(partition: Partition, record: BusRecord): Promise<void> {
    if (partition.intent !== null && record.offset >= partition.intent.next) await cutShort(partition);
    if (!partition.batch.add(record)) {
      await flush(partition);
      if (partition.abandoned) return;
      partition.batch.add(record);
    }
    partition.next = record.offset + 1;
    const due = partition.intent === null ? full(partition) : partition.next === partition.intent.next;
    if (due) await flush(partition);
  }

  /** Records of an intent are gone from the bus. What is left of it is stored under its token. */
  async function cutShort(partition: Partition): Promise<void> {
    const intent = partition.intent as Intent;
    log.error(
      { topic, partition: partition.number, ...intent },
      'records of an interrupted batch are gone from the log',
    );
    partition.next = intent.next;
    await flush(partition);
  }

  function onRecords(number: number, records: readonly BusRecord[]): Promise<void> {
    const partition = partitions.get(number) as Partition;
    return partition.turn(async () => {
      for (const record of records) {
        if (partition.abandoned) return;
        await take(partition, record);
      }
      if (partition.next > partition.first && partition.timer === null && partition.intent === null) {
        partition.timer = setTimeout(() => void partition.turn(() => flush(partition)).catch(die), limits.waitMs);
      }
    });
  }

  const consumer = await bus.consume({
    group: STORE_GROUP,
    topic,
    async onAssign(number) {
      const state = readState(bus, topic, number);
      const first = state?.next ?? (await bus.committed(STORE_GROUP, topic, number)) ?? 0;
      const onRepeats = (count: number) => metrics.count('gatewatch_repeats_total', { stage: 'store' }, count);
      const batch = newBatch({ marks: state?.marks ?? null, onRepeats });
      const intent = readIntent(bus, topic, number, first);
      const turn = inTurn();
      const idle = { timer: null, storingBytes: 0, abandoned: false };
      partitions.set(number, { number, batch, turn, first, next: first, intent, ...idle });
      return first;
    },
    onRecords,
    async onRevoke(number) {
      const partition = partitions.get(number) as Partition;
      // A repeat that is not complete yet stays an intent.
      await partition.turn(async () => {
        if (partition.intent === null) await flush(partition);
      });
      partitions.delete(number);
    },
  });

  async function stop(): Promise<void> {
    stopping.abort();
    await consumer.stop();
    for (const { timer } of partitions.values()) if (timer !== null) clearTimeout(timer);
  }

  // A failure of the timer's flush ends the writer as a failure of onRecords does.
  const done = Promise.race([consumer.done, died]).catch(async (error: unknown) => {
    await stop().catch(() => undefined);
    throw error;
  });
  done.catch(() => undefined);
  return { done, stop };
}
