import { setTimeout as wait } from 'node:timers/promises';
import type { Logger, Metrics, RawConsumer, RawLog, RawRecord } from '../../platform/ports.ts';
import { GatewatchError } from '../../schemas/errors.ts';
import { sourceIdOf } from '../../schemas/source-id.ts';
import type { EventLine } from '../event-line.ts';
import type { LineFormat } from '../formats/format.ts';
import type { Intake } from '../intake.ts';
import { createMessageLines } from './message-lines.ts';

/** Offsets are only where reading begins again: what was read already is told by its position. */
const COMMIT_MS = 1_000;
/** Pause before a topic that cannot be looked up is looked up again. */
const RETRY_MS = 1_000;

export interface KafkaSourceOptions {
  readonly name: string;
  readonly topic: string;
  readonly groupId: string;
  /** Where to begin in a topic that was never read before. */
  readonly from: 'beginning' | 'end';
  /** For a topic that has to be created. */
  readonly partitions: number;
  readonly retentionMs: number;
  readonly format: LineFormat;
  readonly line: EventLine;
  /** Names the cluster's logs: part of what a source id is made of. */
  readonly origin: string;
  readonly raw: RawLog;
  readonly intake: Pick<Intake, 'accept'>;
  readonly log: Logger;
  readonly metrics: Metrics;
}

export interface KafkaSource {
  /** Rejects when the source cannot go on; resolves after stop. */
  readonly done: Promise<void>;
  /** Finishes what is in hand and commits. */
  stop(): Promise<void>;
}

/** How far a partition is durable, and how far that is committed. */
interface Progress {
  durable: number;
  committed: number;
}

/**
 * Reads a topic that log shippers write. Each partition is a source of its own; a line's position is made of its record's
 * offset and its number in the record, so that a record read twice gives the same lines at the same positions. An offset
 * is committed when all lines before it are durable. Lines wait for the intake: a full or missing bus holds the topic back.
 */
export function startKafkaSource(options: KafkaSourceOptions): KafkaSource {
  const { name, topic, groupId, raw, intake, format, line, log, metrics } = options;
  const json = format.name === 'json';
  const partitions = new Map<number, Progress>();
  const stopping = new AbortController();
  const sourceOf = (partition: number) => sourceIdOf(`kafka/${options.origin}/${topic}/${partition}`);
  const sources = new Map<number, string>();

  function sourceId(partition: number): string {
    const known = sources.get(partition) ?? sourceOf(partition);
    sources.set(partition, known);
    return known;
  }

  async function onRecords(partition: number, records: readonly RawRecord[]): Promise<void> {
    const lines = createMessageLines(json);
    let clockMs = 0;
    let empty = 0;
    for (const { offset, value, timestampMs } of records) {
      if (timestampMs > clockMs) clockMs = timestampMs;
      if (value === null || lines.add(offset, value) === 0) empty += 1;
    }
    if (empty > 0) metrics.count('gatewatch_dropped_total', { reason: 'empty' }, empty);
    if (lines.lines > 0) {
      const { bytes, positions } = lines.take();
      const source = sourceId(partition);
      const position = positions[0] ?? 0;
      await intake.accept({
        ...{ sourceName: name, source, format, line, bytes, position, step: positions, marks: [] },
        // Without a time of the record there is nothing better than the time of its acceptance.
        ...(clockMs > 0 ? { clockMs } : {}),
      });
    }
    const progress = partitions.get(partition);
    const last = records.at(-1);
    if (progress !== undefined && last !== undefined) progress.durable = last.offset + 1;
  }

  async function commit(consumer: RawConsumer, partition: number): Promise<void> {
    const progress = partitions.get(partition);
    if (progress === undefined || progress.durable <= progress.committed) return;
    const next = progress.durable;
    try {
      await consumer.commit(partition, next);
      progress.committed = next;
    } catch (error) {
      // It is tried again; when the partition is somebody else's now, that one reads a little again.
      if (!(error instanceof GatewatchError)) throw error;
    }
  }

  async function settle(): Promise<boolean> {
    for (let said = ''; !stopping.signal.aborted; ) {
      try {
        await raw.settle({ topic, partitions: options.partitions, retentionMs: options.retentionMs });
        return true;
      } catch (error) {
        if (!(error instanceof GatewatchError && error.transient)) throw error;
        if (error.message !== said)
          log.warn({ source: name, code: error.code }, `${error.message}; trying until it works`);
        said = error.message;
        await wait(RETRY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
    return false;
  }

  async function run(): Promise<void> {
    if (!(await settle())) return;
    let running: RawConsumer | null = null;
    const consumer = await raw.consume({
      groupId,
      topic,
      from: options.from,
      async onAssign(partition) {
        partitions.set(partition, { durable: -1, committed: -1 });
      },
      onRecords,
      async onRevoke(partition) {
        if (running !== null) await commit(running, partition);
        partitions.delete(partition);
      },
      onGap(partition, from, to) {
        log.error(
          { source: name, topic, partition, from, to },
          'records were removed by the retention of the topic before they were read: raise its retention.ms',
        );
      },
    });
    running = consumer;
    const timer = setInterval(() => {
      for (const partition of partitions.keys()) commit(consumer, partition).catch(() => undefined);
    }, COMMIT_MS);
    const stopped = () => void consumer.stop();
    stopping.signal.addEventListener('abort', stopped);
    if (stopping.signal.aborted) stopped();
    try {
      await consumer.done;
    } finally {
      clearInterval(timer);
      await consumer.stop();
    }
  }

  const done = run();
  done.catch(() => undefined);
  return {
    done,
    async stop() {
      stopping.abort();
      await done.catch(() => undefined);
    },
  };
}
