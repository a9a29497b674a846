import { randomUUID } from 'node:crypto';
import { TOPICS, type Topic } from '../../schemas/topics.ts';
import { systemClock } from '../clock.ts';
import { type Environment, openEnvironment } from '../lmdb/environment.ts';
import { agreeOnManifest, type Manifest } from '../lmdb/manifest.ts';
import type { Bus, Clock, ConsumeOptions, Consumer, Mark } from '../ports.ts';
import { startConsumer } from './consumer.ts';
import { openGroupOffsets } from './group-offsets.ts';
import { LOG_LAYOUT_VERSION } from './log-format.ts';
import { startLogWriter } from './log-writer.ts';
import { checkMark, readMark, readMarks } from './marks.ts';
import { openPartitionLog, type PartitionLog } from './partition-log.ts';
import { DEFAULT_RETENTION_MS } from './topic-rules.ts';

/** How often committed records are checked for their age. */
const TRIM_INTERVAL_MS = 60_000;

/** Each partition is a table of its own, and LMDB walks over all tables at each transaction. */
const MAX_PARTITIONS = 256;

const SIDE_TABLES = ['extents', 'marks', 'groups'];

/** Address space beyond the cap, as a factor and an amount: freed pages, branch pages, marks. */
const MAP_FACTOR = 1.5;
const MAP_EXTRA_BYTES = 64 * 1024 * 1024;

export interface EmbeddedBusOptions {
  /** A directory of its own; created when it does not exist. */
  readonly directory: string;
  /** Bytes of records on disk. See DEAD_LETTER_SHARE and DERIVED_SHARE for how topics share them. */
  readonly capBytes: number;
  /** Fixed when the directory is created. */
  readonly partitions: Readonly<Record<Topic, number>>;
  readonly durability: 'default' | 'fsync';
  readonly retentionMs?: number;
  /** Refuse a directory that was not created with this generation id. A new directory gets it, or a random one. */
  readonly generation?: string;
  readonly clock?: Clock;
}

export interface EmbeddedBus extends Bus {
  /** Names this log: whatever is derived from its offsets belongs to this generation alone. */
  readonly generation: string;
  usage(): { readonly bytes: number; readonly capBytes: number };
  /** First offset that is still held. */
  startOffset(topic: Topic, partition: number): number;
  /** Removes committed records past their retention and dead letters past theirs; happens every minute by itself. */
  trim(): Promise<void>;
  /** Dead letters dropped for their age or to make room, since the start. */
  droppedDeadLetters(): number;
  /** A group that will not come back (the store was switched off) no longer holds records in the log. */
  forgetGroup(group: string): Promise<void>;
}

/**
 * Opens the log of one process: an LMDB environment with ordered partitions, marks and group offsets.
 *
 * Each append is one transaction (concurrent ones share it); its bytes must not change until it is settled. `default`:
 * it survives SIGKILL when it resolves, and power loss within a second (its data are flushed at once; the page that makes
 * them current may follow, see `openEnvironment`). `fsync`: it survives power loss when it resolves.
 *
 * At the cap, records that every group of their topic has committed past are trimmed, the oldest first; groups are
 * those that ever committed or consume now, so a topic nobody reads is never trimmed. When that is not enough `append`
 * rejects with `log_full`. Otherwise committed records stay for `retentionMs`. The file does not shrink: freed pages are
 * used again, so it stays near the largest live size.
 *
 * Rejects with `store_locked` (another process has the directory) and `state_foreign` (created with other numbers).
 */
export async function openEmbeddedBus(options: EmbeddedBusOptions): Promise<EmbeddedBus> {
  const { directory, capBytes, clock = systemClock } = options;
  for (const [topic, count] of Object.entries(options.partitions)) {
    if (!Number.isInteger(count) || count < 1 || count > MAX_PARTITIONS) {
      throw new RangeError(`partitions of ${topic}: a whole number from 1 to ${MAX_PARTITIONS}`);
    }
  }
  const environment = await openEnvironment({
    directory,
    tables: [...SIDE_TABLES, ...TOPICS.flatMap((topic) => partitionTables(topic, options.partitions[topic]))],
    mapBytes: capBytes * MAP_FACTOR + MAP_EXTRA_BYTES,
    deferMeta: options.durability === 'default',
    agree: (found) => agree(found, options),
  });
  try {
    return serve(environment, { ...options, clock });
  } catch (error) {
    await environment.close();
    throw error;
  }
}

function partitionTables(topic: Topic, count: number): string[] {
  return Array.from({ length: count }, (_, partition) => `log/${topic}/${partition}`);
}

function agree(found: Manifest | null, options: EmbeddedBusOptions): Manifest {
  const numbers = Object.entries(options.partitions).map(([topic, count]) => [`partitions.${topic}`, count] as const);
  const generation = options.generation ?? found?.generation ?? randomUUID();
  return agreeOnManifest(
    options.directory,
    found,
    { layout: LOG_LAYOUT_VERSION, generation, ...Object.fromEntries(numbers) },
    'Partitions and layout are fixed when a data directory is created: start with the former values, or with a new data directory.',
  );
}

function serve(environment: Environment, options: EmbeddedBusOptions & { readonly clock: Clock }): EmbeddedBus {
  const { capBytes, partitions, clock, retentionMs = DEFAULT_RETENTION_MS } = options;
  const extents = environment.table('extents');
  const marks = environment.table('marks');
  const groups = openGroupOffsets(environment.table('groups'));
  const topics = new Map<Topic, PartitionLog[]>();
  for (const topic of TOPICS) {
    const tables = partitionTables(topic, partitions[topic]).map((name) => environment.table(name));
    topics.set(
      topic,
      tables.map((table, partition) => openPartitionLog(table, extents, topic, partition)),
    );
  }
  const logs = [...topics.values()].flat();
  const consumers = new Set<Consumer>();
  let closing: Promise<void> | null = null;

  function logOf(topic: Topic, partition: number): PartitionLog {
    const log = topics.get(topic)?.[partition];
    if (log === undefined) throw new RangeError(`no partition ${partition} of ${topic}`);
    return log;
  }

  const limits = { capBytes, retentionMs, clock };
  const writer = startLogWriter({ environment, extents, marks, logs, logOf, groups, ...limits });
  const trimmer = setInterval(() => {
    // A failed trim is tried again at the next tick; an append that needs the room reports the failure.
    writer.trim().catch(() => undefined);
  }, TRIM_INTERVAL_MS).unref();

  async function consume(consumeOptions: ConsumeOptions): Promise<Consumer> {
    const { group, topic } = consumeOptions;
    groups.register(group, topic);
    const consumer = startConsumer(
      topics.get(topic) ?? [],
      consumeOptions,
      (partition) => groups.committed(group, topic, partition),
      () => consumers.delete(consumer),
    );
    consumers.add(consumer);
    return consumer;
  }

  async function close(): Promise<void> {
    clearInterval(trimmer);
    await Promise.allSettled([...consumers].map((consumer) => consumer.stop()));
    await writer.idle();
    await environment.close();
  }

  return {
    generation: String(environment.manifest.generation),
    partitions: (topic) => partitions[topic],
    async append(batch, batchMarks: readonly Mark[] = []) {
      for (const { topic, partition } of batch) logOf(topic, partition);
      batchMarks.forEach(checkMark);
      if (batch.length > 0 || batchMarks.length > 0)
        await writer.submit({ type: 'append', records: batch, marks: batchMarks });
    },
    async syncMarks() {},
    getMark: (key) => readMark(marks, key),
    marks: (prefix) => readMarks(marks, prefix),
    consume,
    async commit(group, topic, partition, nextOffset, commitMarks: readonly Mark[] = [], records = []) {
      const { end } = logOf(topic, partition).extent;
      if (!Number.isInteger(nextOffset) || nextOffset < 0 || nextOffset > end) {
        throw new RangeError(`cannot commit offset ${nextOffset}: the partition ends at ${end}`);
      }
      commitMarks.forEach(checkMark);
      for (const record of records) logOf(record.topic, record.partition);
      await writer.submit({ type: 'commit', group, topic, partition, nextOffset, marks: commitMarks, records });
    },
    committed: async (group, topic, partition) => groups.committed(group, topic, partition),
    endOffset: async (topic, partition) => logOf(topic, partition).extent.end,
    startOffset: (topic, partition) => logOf(topic, partition).extent.start,
    read: async (topic, partition, from, maxRecords) =>
      logOf(topic, partition).read(from, maxRecords, Number.POSITIVE_INFINITY),
    usage: () => ({ bytes: logs.reduce((sum, { extent }) => sum + extent.endBytes - extent.startBytes, 0), capBytes }),
    trouble: () => null,
    trim: () => writer.trim(),
    droppedDeadLetters: () => writer.droppedDeadLetters(),
    forgetGroup: (group) => writer.submit({ type: 'forget', group }),
    close() {
      closing ??= close();
      return closing;
    },
  };
}
