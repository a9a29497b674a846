import { setTimeout as wait } from 'node:timers/promises';
import type { Clock, Logger, Metrics, RawConsumer, RawLog, RawRecord } from '../../platform/ports.ts';
import { GatewatchError } from '../../schemas/errors.ts';
import { sourceIdOf } from '../../schemas/source-id.ts';
import type { EventLine } from '../event-line.ts';
import type { LineFormat } from '../formats/format.ts';
import type { Intake } from '../intake.ts';
import { createHeldBatches } from './held-batches.ts';
import { createMessageLines, LINES_PER_MESSAGE_MAX } from './message-lines.ts';
import { createOffsetCommits } from './offset-commits.ts';
import { createSourceDelay } from './source-delay.ts';

/** A killed process reads again what it had read since its last commit; each commit is a request to the broker. */
const COMMIT_MS = 1_000;
/** Pause before a topic that cannot be looked up is looked up again. */
const RETRY_MS = 1_000;
/** Positions of later records would not be exact. At 1,000 messages a second a partition comes here after four years. */
const OFFSET_MAX = (Number.MAX_SAFE_INTEGER + 1) / LINES_PER_MESSAGE_MAX - 1;

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
  /** Makes event lines by this source's own settings. */
  readonly line: EventLine;
  /** Names the cluster's logs: part of what a source id is made of. */
  readonly origin: string;
  readonly raw: RawLog;
  readonly intake: Pick<Intake, 'accept' | 'paused'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

export interface KafkaSource {
  /** Rejects when the source cannot go on; resolves after stop. */
  readonly done: Promise<void>;
  /** Finishes what is in hand and commits. What a paused intake has in hand is not waited for: it will be read again. */
  stop(): Promise<void>;
}

/**
 * Reads a topic that log shippers write. Each partition is a source of its own; a line's position is made of its record's
 * offset and its number in the record, so that a record read twice gives the same lines at the same positions. An offset
 * is committed when all lines before it are durable. Lines wait for the intake: a full or missing bus holds the topic back.
 *
 * Misses: a topic that is deleted and made anew under its name begins at offset 0 again, so that its lines pass for
 * repeats until they are beyond the old ones. Give it another name.
 */
export function startKafkaSource(options: KafkaSourceOptions): KafkaSource {
  const { name, topic, raw, intake, format, line, log, metrics } = options;
  const stopping = new AbortController();
  const held = createHeldBatches(intake);
  const delay = createSourceDelay(name, options.clock, metrics);
  /** Filled and accepted without a pause between, so that all partitions can share it. */
  const lines = createMessageLines(format.name === 'json');
  const sources = new Map<number, string>();
  metrics.count('gatewatch_source_gap_records_total', { source: name }, 0);

  function sourceId(partition: number): string {
    const known = sources.get(partition) ?? sourceIdOf(`kafka/${options.origin}/${topic}/${partition}`);
    sources.set(partition, known);
    return known;
  }

  /** Adds records from `at` on until there is enough for one hand-over; gives the first that is left and the newest time. */
  function fill(records: readonly RawRecord[], at: number): { next: number; clockMs: number } {
    let clockMs = 0;
    let empty = 0;
    let next = at;
    lines.clear();
    for (; next < records.length && !lines.full; next++) {
      const { offset, value, timestampMs } = records[next] as RawRecord;
      if (timestampMs > clockMs) clockMs = timestampMs;
      if (value === null || lines.add(offset, value) === 0) empty += 1;
    }
    if (empty > 0) metrics.count('gatewatch_dropped_total', { reason: 'empty' }, empty);
    return { next, clockMs };
  }

  function accept(partition: number, clockMs: number): Promise<boolean> {
    const { bytes, positions, refused } = lines;
    if (refused.length > 0) {
      const reasons = [...new Set(refused.map(({ why }) => why))];
      log.error(
        { source: name, topic, partition, messages: refused.length, reasons },
        'messages went to the dead letter',
      );
    }
    const accepted = intake.accept({
      sourceName: name,
      source: sourceId(partition),
      format,
      line,
      bytes,
      position: positions[0] ?? 0,
      step: positions,
      refused,
      marks: [],
      // Without a time of the record there is nothing better than the time of its acceptance.
      ...(clockMs > 0 ? { clockMs } : {}),
    });
    return held.durable(accepted);
  }

  const commits = createOffsetCommits(async (partition, next) => {
    if (consumer === null) throw new GatewatchError('bus_unavailable', 'not a member yet', { transient: true });
    await consumer.commit(partition, next);
  });
  let consumer: RawConsumer | null = null;

  async function onRecords(partition: number, records: readonly RawRecord[]): Promise<void> {
    const last = records.at(-1)?.offset ?? 0;
    if (last > OFFSET_MAX) {
      const message = `partition ${partition} of topic ${topic} is at offset ${last}; the most is ${OFFSET_MAX}: use a new topic`;
      throw new GatewatchError('topic_unfit', message);
    }
    for (let at = 0; at < records.length; ) {
      const { next, clockMs } = fill(records, at);
      if (lines.positions.length + lines.refused.length > 0) {
        delay.began(partition, clockMs);
        const durable = await accept(partition, clockMs);
        delay.ended(partition);
        if (!durable) return;
      }
      commits.durable(partition, (records[next - 1] as RawRecord).offset + 1);
      at = next;
    }
  }

  function onGap(partition: number, from: number, to: number): void {
    metrics.count('gatewatch_source_gap_records_total', { source: name }, to - from);
    log.error(
      { source: name, topic, partition, from, to },
      'records were removed by the retention of the topic before they were read: raise its retention.ms',
    );
  }

  async function settle(): Promise<boolean> {
    for (let said = ''; !stopping.signal.aborted; ) {
      try {
        await raw.settle({ topic, partitions: options.partitions, retentionMs: options.retentionMs });
        return true;
      } catch (error) {
        if (!(error instanceof GatewatchError && error.transient)) throw error;
        if (error.message !== said) {
          log.warn({ source: name, code: error.code }, `${error.message}; trying until it works`);
        }
        said = error.message;
        await wait(RETRY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
    return false;
  }

  async function run(): Promise<void> {
    if (!(await settle())) return;
    const started = await raw.consume({
      groupId: options.groupId,
      topic,
      from: options.from,
      onAssign: async (partition) => commits.assigned(partition),
      onRecords,
      onRevoke: (partition) => commits.revoked(partition),
      onGap,
    });
    consumer = started;
    let fail: (error: unknown) => void = () => {};
    const failed = new Promise<never>((_, reject) => {
      fail = reject;
    });
    const timer = setInterval(() => {
      delay.report();
      commits.commitAll().catch(fail);
    }, COMMIT_MS);
    const stop = async () => {
      const stopped = started.stop();
      await held.letGo();
      await stopped;
    };
    const onAbort = () => void stop().catch(fail);
    stopping.signal.addEventListener('abort', onAbort);
    if (stopping.signal.aborted) onAbort();
    try {
      await Promise.race([started.done, failed]);
    } finally {
      clearInterval(timer);
      await stop();
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
