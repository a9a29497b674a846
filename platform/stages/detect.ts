import type { Decision } from '../../schemas/decision.ts';
import type {
  Bus,
  BusRecord,
  Clock,
  Consumer,
  Logger,
  Metrics,
  OutRecord,
  PartitionEngine,
  StateStore,
} from '../ports.ts';
import { createRetry, Stopped } from './retry.ts';

/** Consumer group of the detector: its commits say what `events` may forget. */
export const DETECTOR_GROUP = 'detector';
/** Blocks between two turns of the event loop, so that health and intake are answered under load. */
const BLOCKS_PER_TURN = 4;

/** What stands on `decisions`: all decisions of one events block, so that a repeat can be told by its offset. */
export interface DecisionsRecord {
  readonly v: 1;
  /** Offset of the events block in the partition of the same number. */
  readonly at: number;
  readonly decisions: readonly Decision[];
}

export interface DetectStage {
  /** Resolves when the stage died of an error (rejects) or was stopped. */
  readonly done: Promise<void>;
  /** Blocks of `events` that the detector has not read yet. */
  lag(): Promise<number>;
  /** Finishes the batch in hand, checkpoints every partition, and resolves. */
  stop(): Promise<void>;
}

interface Partition {
  readonly engine: PartitionEngine;
  nextOffset: number;
  eventsSince: number;
  checkpointedAt: number;
  /** Up to here the checkpoint is saved and the group's offset committed. */
  savedOffset: number;
  /** Lost to another process, or stopped while nothing could be written: nothing more is saved, it is read again. */
  abandoned: boolean;
  /** Work on the partition, one piece at a time. */
  tail: Promise<void>;
}

/**
 * Feeds `events` to the detector. Order of durability: decisions as they arise; then rows, high marks and offset in one
 * transaction; then the group's offset. After a crash the blocks since the checkpoint are read again and yield the same
 * decisions with the same ids; readers of `decisions` skip them by `at`.
 */
export async function startDetectStage(options: {
  bus: Bus;
  state: StateStore;
  engineFor(partition: number): PartitionEngine;
  clock: Clock;
  metrics: Metrics;
  log: Logger;
  checkpointMs: number;
  checkpointEvents: number;
}): Promise<DetectStage> {
  const { bus, state, clock, metrics, log } = options;
  const partitions = new Map<number, Partition>();
  const stopping = new AbortController();
  const retry = createRetry({ log, metrics, fields: { stage: DETECTOR_GROUP }, signal: stopping.signal });

  async function checkpoint(number: number, partition: Partition): Promise<void> {
    if (partition.nextOffset === partition.savedOffset) return;
    const started = clock.now();
    const { nextOffset } = partition;
    const rows = [...partition.engine.takeDirtyRows()];
    const meta = partition.engine.meta();
    await retry('checkpoint', async () => {
      await state.save(number, { nextOffset, meta }, rows);
      if (!state.savesOffset) await bus.commit(DETECTOR_GROUP, 'events', number, nextOffset);
    });
    partition.savedOffset = nextOffset;
    partition.eventsSince = 0;
    partition.checkpointedAt = clock.now();
    metrics.gauge('gatewatch_checkpoint_seconds', {}, (clock.now() - started) / 1000);
    metrics.gauge('gatewatch_rows', { partition: String(number) }, partition.engine.rowCount());
  }

  async function onRecords(number: number, records: readonly BusRecord[]): Promise<void> {
    const partition = partitions.get(number) as Partition;
    const out: OutRecord[] = [];
    let blocks = 0;
    for (const record of records) {
      const decisions: Decision[] = [];
      const applied = partition.engine.apply(record.value, (decision) => decisions.push(decision));
      partition.nextOffset = record.offset + 1;
      partition.eventsSince += applied.events;
      metrics.count('gatewatch_events_total', {}, applied.events);
      if (applied.repeats > 0) metrics.count('gatewatch_repeats_total', { stage: 'detector' }, applied.repeats);
      if (decisions.length > 0) {
        const value: DecisionsRecord = { v: 1, at: record.offset, decisions };
        out.push({ topic: 'decisions', partition: number, value: Buffer.from(JSON.stringify(value)) });
        for (const { action, mode } of decisions) metrics.count('gatewatch_decisions_total', { action, mode }, 1);
      }
      blocks += 1;
      if (blocks % BLOCKS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    if (out.length > 0) await retry('append', () => bus.append(out));
    const due = clock.now() - partition.checkpointedAt >= options.checkpointMs;
    if (due || partition.eventsSince >= options.checkpointEvents) await checkpoint(number, partition);
  }

  function serially(number: number, work: (partition: Partition) => Promise<void>): Promise<void> {
    const partition = partitions.get(number) as Partition;
    const result = partition.tail.then(async () => {
      if (partition.abandoned) return;
      try {
        await work(partition);
      } catch (error) {
        // Going on would save an offset past decisions that were never written.
        partition.abandoned = true;
        if (!(error instanceof Stopped)) throw error;
      }
    });
    partition.tail = result.catch(() => {});
    return result;
  }

  const consumer: Consumer = await bus.consume({
    group: DETECTOR_GROUP,
    topic: 'events',
    async onAssign(number) {
      const engine = options.engineFor(number);
      const saved = await state.load(number, (row) => engine.restoreRow(row));
      if (saved !== null) engine.restoreMeta(saved.meta);
      const nextOffset = saved?.nextOffset ?? 0;
      // A process killed between checkpoint and commit leaves the commit behind: the next checkpoint makes up for it.
      const savedOffset = (await bus.committed(DETECTOR_GROUP, 'events', number)) ?? 0;
      const tail = Promise.resolve();
      const checkpointedAt = clock.now();
      partitions.set(number, {
        engine,
        nextOffset,
        eventsSince: 0,
        checkpointedAt,
        savedOffset,
        abandoned: false,
        tail,
      });
      metrics.gauge('gatewatch_rows', { partition: String(number) }, engine.rowCount());
      return nextOffset;
    },
    onRecords: (number, records) => serially(number, () => onRecords(number, records)),
    async onRevoke(number) {
      await serially(number, (partition) => checkpoint(number, partition));
      partitions.delete(number);
    },
  });

  // A partition that fell silent is checkpointed too, so that a restart has little to read again.
  const timer = setInterval(() => {
    for (const [number, partition] of partitions) {
      if (partition.nextOffset === partition.savedOffset) continue;
      if (clock.now() - partition.checkpointedAt < options.checkpointMs) continue;
      void serially(number, (current) => checkpoint(number, current)).catch(() => {});
    }
  }, options.checkpointMs);
  timer.unref();

  return {
    done: consumer.done,
    async lag() {
      let lag = 0;
      for (const [number, { nextOffset }] of [...partitions])
        lag += (await bus.endOffset('events', number)) - nextOffset;
      return lag;
    },
    async stop() {
      clearInterval(timer);
      stopping.abort();
      await consumer.stop();
    },
  };
}
