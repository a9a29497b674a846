import type { AppendOptions, Bus, Clock, Logger, Mark, Metrics, OutRecord } from '../platform/ports.ts';
import { encodeDeadLetter } from '../schemas/dead-letter.ts';
import { type ErrorCode, GatewatchError } from '../schemas/errors.ts';
import type { DeadLetterReason } from '../schemas/outcome.ts';
import type { Block, BlockEncoder } from './encoder.ts';
import type { EventLine } from './event-line.ts';
import type { LineFormat } from './formats/format.ts';
import { type PositionStep, readLines } from './line-reader.ts';

/** How long a bus that takes nothing (full, away) is left alone before the append is tried again. */
const RETRY_MS = 1_000;

/** Causes of a pause whose gauge is there before it ever happened; others appear with their first pause. */
const USUAL_CAUSES: readonly ErrorCode[] = ['log_full', 'disk_full'];

/** Input that its source could not take apart into lines. */
export interface Refused {
  readonly reason: DeadLetterReason;
  /** For people; never quotes the input. */
  readonly why: string;
  readonly position: number;
  readonly bytes: Buffer;
}

/** A stretch of whole lines from one source. Read before `accept` returns: its memory may be used again then. */
export interface Batch {
  /** Name in the configuration, and 64-bit id as decimal text. */
  readonly sourceName: string;
  readonly source: string;
  readonly format: LineFormat;
  readonly bytes: Buffer;
  readonly position: number;
  readonly step: PositionStep;
  /** Goes to the dead letter with the lines. */
  readonly refused?: readonly Refused[];
  /** Makes event lines by this source's own settings (trusted proxies); without it the intake's. */
  readonly line?: EventLine;
  /** Made durable together with the lines: how far the source is read, or an idempotency key with what became of them. */
  readonly marks: readonly Mark[] | ((result: BatchResult) => readonly Mark[]);
  /** Lines and marks become durable together or not at all, also on a bus where that takes a transaction. */
  readonly atomic?: boolean;
  /**
   * What times in the future are clamped to, ms: when the newest of the lines was written down. Without it, and at most,
   * the time of acceptance: whoever writes records may name any time.
   */
  readonly clockMs?: number;
}

/** Why nothing can be made durable, as the bus said it. */
export interface Pause {
  readonly cause: ErrorCode;
  readonly why: string;
}

/** What became of a batch's lines. */
export interface BatchResult {
  readonly lines: number;
  readonly accepted: number;
  readonly dropped: number;
  readonly deadLettered: number;
}

export interface Intake {
  /** Resolves when the lines and marks are durable. Rejects only when the intake is closed before that. */
  accept(batch: Batch): Promise<BatchResult>;
  /** Why nothing can be made durable at the moment; null when all is well. */
  paused(): Pause | null;
  /** Bytes of lines accepted and not yet durable. */
  pendingBytes(): number;
  /** Makes durable what was accepted, then refuses more. */
  close(): Promise<void>;
}

interface Waiter {
  readonly result: BatchResult;
  resolve(result: BatchResult): void;
}

/**
 * The one writer of `events`: lines of all sources -> event lines -> blocks -> bus.
 *
 * Blocks clock themselves: one append is in flight; lines that arrive meanwhile make up the next one. An idle system
 * sends at once, a busy one in full blocks. When the bus is full, the disk is or a broker is away, the blocks in hand are
 * kept and tried again every second, sources wait, and `paused` says why: nothing accepted is dropped.
 */
export function createIntake(options: {
  bus: Bus;
  encoder: BlockEncoder;
  line: EventLine;
  clock: Clock;
  metrics: Metrics;
  log: Logger;
  retryMs?: number;
}): Intake {
  const { bus, encoder, clock, metrics, log } = options;
  const retryMs = options.retryMs ?? RETRY_MS;
  const partitions = bus.partitions('events');
  let records: OutRecord[] = [];
  let blocks: Block[] = [];
  let marks: Mark[] = [];
  let waiters: Waiter[] = [];
  let bytes = 0;
  let atomic = false;
  /** Clamp of the lines that are not in a block yet. */
  let newestMs: number | null = null;
  let paused: Pause | null = null;
  let sending: Promise<void> | null = null;
  let closed = false;
  let stopWaiting = () => {};

  function takeBlock(partition: number): void {
    const now = clock.now();
    const block = encoder.take(partition, now, newestMs ?? now);
    if (block === null) return;
    records.push({ topic: 'events', partition, value: block.value });
    blocks.push(block);
  }

  function read(batch: Batch): BatchResult {
    let accepted = 0;
    let dropped = 0;
    let deadLettered = 0;
    const { sourceName, source, format } = batch;
    const now = clock.now();
    newestMs = Math.max(newestMs ?? 0, Math.min(batch.clockMs ?? now, now));
    const line = batch.line ?? options.line;

    function bury(reason: DeadLetterReason, why: string, position: number, bytes: Buffer): void {
      deadLettered += 1;
      metrics.count('gatewatch_dead_letter_total', { reason }, 1);
      const letter = { reason, why, sourceName, source, position, received: clock.now(), format: format.name };
      records.push({ topic: 'dead-letter', partition: 0, value: encodeDeadLetter(letter, bytes) });
    }

    const lines = readLines(batch.bytes, format, batch.position, batch.step, {
      record(record, position) {
        line.encode(record, position);
        accepted += 1;
        if (encoder.add(line.partition, source, position, line.bytes, line.length)) takeBlock(line.partition);
      },
      drop(reason) {
        dropped += 1;
        metrics.count('gatewatch_dropped_total', { reason }, 1);
      },
      deadLetter: (reason, why, position, from, to) => bury(reason, why, position, batch.bytes.subarray(from, to)),
    });
    const refused = batch.refused ?? [];
    for (const { reason, why, position, bytes } of refused) bury(reason, why, position, bytes);
    metrics.count('gatewatch_lines_total', { source: sourceName, outcome: 'accepted' }, accepted);
    return { lines: lines + refused.length, accepted, dropped, deadLettered };
  }

  for (const cause of USUAL_CAUSES) metrics.gauge('gatewatch_intake_paused', { cause }, 0);

  function setPaused(pause: Pause | null): void {
    if (paused !== null && paused.cause !== pause?.cause) {
      metrics.gauge('gatewatch_intake_paused', { cause: paused.cause }, 0);
    }
    if (pause !== null) metrics.gauge('gatewatch_intake_paused', { cause: pause.cause }, 1);
    paused = pause;
  }

  async function append(out: OutRecord[], withMarks: Mark[], options: AppendOptions): Promise<void> {
    for (;;) {
      try {
        await bus.append(out, withMarks, options);
        if (paused !== null) log.info({ cause: paused.cause }, 'intake goes on');
        setPaused(null);
        return;
      } catch (error) {
        if (!(error instanceof GatewatchError && error.transient) || closed) throw error;
        if (paused === null) log.warn({ cause: error.code }, `intake pauses: ${error.message}`);
        setPaused({ cause: error.code, why: error.message });
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, retryMs);
          stopWaiting = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    }
  }

  async function send(): Promise<void> {
    // One turn of the event loop, so that batches handed over together travel together.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiters.length > 0) {
      for (let partition = 0; partition < partitions; partition++) takeBlock(partition);
      newestMs = null;
      const out = records;
      const sent = blocks;
      const withMarks = marks;
      const together: AppendOptions = atomic ? { atomic } : {};
      const done = waiters;
      const size = bytes;
      records = [];
      blocks = [];
      marks = [];
      atomic = false;
      waiters = [];
      await append(out, withMarks, together);
      bytes -= size;
      for (const block of sent) encoder.recycle(block);
      metrics.count('gatewatch_blocks_total', {}, out.length);
      for (const waiter of done) waiter.resolve(waiter.result);
    }
    sending = null;
  }

  return {
    accept(batch) {
      if (closed) return Promise.reject(new Error('intake is closed'));
      const result = read(batch);
      bytes += batch.bytes.length;
      if (batch.atomic === true) atomic = true;
      marks.push(...(typeof batch.marks === 'function' ? batch.marks(result) : batch.marks));
      return new Promise((resolve, reject) => {
        waiters.push({ result, resolve });
        sending ??= send();
        sending.catch(reject);
      });
    },
    paused: () => paused,
    pendingBytes: () => bytes,
    async close() {
      closed = true;
      stopWaiting();
      await sending;
    },
  };
}
