import type { KafkaMessage } from 'kafkajs';
import { GatewatchError } from '../../schemas/errors.ts';
import { busError } from './bus-error.ts';

/** What a partition may hold in memory before it is no longer asked for: enough for the next turn while one is worked on. */
const QUEUE_MAX_BYTES = 4 * 1024 * 1024;
/** What is handed on at once: two full blocks, or some thousand raw lines. */
const BATCH_MAX_BYTES = 1024 * 1024;
const BATCH_MAX_RECORDS = 4_096;
/** Pause before an assignment that failed is tried again, and between two assignments when each is lost at once. */
const ASSIGN_RETRY_MS = 500;

/** A record as fetched. Ends of transactions and aborted records are not among them, so offsets have gaps. */
export interface FetchedRecord {
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

export interface SlotOptions {
  readonly partition: number;
  onAssign(partition: number): Promise<number>;
  onRecords(partition: number, records: readonly FetchedRecord[]): Promise<void>;
  onRevoke(partition: number): Promise<void>;
  isLost(partition: number): boolean;
  onTrouble(error: GatewatchError | null): void;
  /** Records [from, to) are gone; `to` below `from`: the log is shorter than what was read of it. */
  onGap(partition: number, from: number, to: number): void;
  /** Bounds of the partition as they are now. */
  bounds(partition: number): Promise<{ readonly start: number; readonly end: number }>;
  seek(offset: number): void;
  pause(): void;
  resume(): void;
  die(error: unknown): void;
}

/** One assigned partition: its queue and its loop. */
export interface Slot {
  readonly leaving: boolean;
  /** Assigns, and begins to read. Fetching is held back until then. */
  begin(): Promise<void>;
  /** Takes fetched records in; false when they are not wanted now and must be fetched again. */
  push(messages: readonly KafkaMessage[]): boolean;
  /** Looks whether the partition has been lost, and if so assigns it anew. */
  check(): void;
  /** The broker does not have the record that the client asked for: says what is gone, and goes on where records are. */
  outOfRange(): Promise<void>;
  /** The group was shared out anew and the partition stayed: the client must go on where this one is. */
  goOn(): void;
  /** Finishes the batch in hand and drops the queue. */
  halt(): Promise<void>;
  /** Halts, then revokes. Idempotent. */
  leave(): Promise<void>;
}

export function createSlot(options: SlotOptions): Slot {
  const { partition } = options;
  let queue: FetchedRecord[] = [];
  let queuedBytes = 0;
  /** Offset that the next record must at least have; null until it is assigned. */
  let next: number | null = null;
  /** The offset that was last found out of range. */
  let missing: number | null = null;
  let held = true;
  let halting: Promise<void> | null = null;
  let leaving: Promise<void> | null = null;
  let assigning: Promise<void> = Promise.resolve();
  let pump: Promise<void> | null = null;
  /** The work on it was refused with `partition_lost`. */
  let lost = false;
  /** onAssign came about, and no onRevoke since. */
  let owned = false;
  let assignedAt = Number.NEGATIVE_INFINITY;
  let wakeUp = () => {};

  function hold(on: boolean): void {
    held = on;
    if (on) options.pause();
    else options.resume();
  }

  /** Until it works: while the partition is ours nobody else can read it. */
  async function assign(): Promise<void> {
    next = null;
    queue = [];
    queuedBytes = 0;
    lost = false;
    hold(true);
    const soon = assignedAt + ASSIGN_RETRY_MS - performance.now();
    if (soon > 0) await sleep(soon);
    for (let troubled = false; halting === null; ) {
      assignedAt = performance.now();
      try {
        const start = await options.onAssign(partition);
        owned = true;
        if (troubled) options.onTrouble(null);
        if (halting !== null) return;
        next = start;
        options.seek(start);
        hold(false);
        return;
      } catch (error) {
        if (!(error instanceof GatewatchError && (error.transient || error.code === 'partition_lost'))) throw error;
        if (error.code !== 'partition_lost') {
          troubled = true;
          options.onTrouble(error);
        }
        await sleep(ASSIGN_RETRY_MS);
      }
    }
  }

  function sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  function begin(): Promise<void> {
    assigning = assign().catch((error: unknown) => options.die(error));
    return assigning;
  }

  const isLost = () => lost || options.isLost(partition);

  async function revoke(): Promise<void> {
    if (!owned) return;
    owned = false;
    try {
      await options.onRevoke(partition);
    } catch (error) {
      // Whoever has the partition next begins at what is durable.
      if (!(error instanceof GatewatchError && (error.transient || error.code === 'partition_lost'))) throw error;
    }
  }

  async function work(): Promise<void> {
    while (halting === null) {
      if (isLost()) {
        await revoke();
        await begin();
        continue;
      }
      if (queue.length === 0) return;
      await options.onRecords(partition, takeBatch());
      if (held && next !== null && queuedBytes < QUEUE_MAX_BYTES / 2) hold(false);
    }
  }

  function takeBatch(): FetchedRecord[] {
    let bytes = 0;
    let count = 0;
    while (count < queue.length && count < BATCH_MAX_RECORDS && bytes < BATCH_MAX_BYTES) {
      bytes += queue[count]?.value?.length ?? 0;
      count += 1;
    }
    const records = queue.slice(0, count);
    queue = queue.slice(count);
    queuedBytes -= bytes;
    return records;
  }

  function start(): void {
    pump ??= work()
      .catch((error: unknown) => {
        if (error instanceof GatewatchError && error.code === 'partition_lost') lost = true;
        else options.die(error instanceof GatewatchError ? error : wrapped(error));
      })
      .finally(() => {
        pump = null;
        if (halting === null && next !== null && (queue.length > 0 || isLost())) start();
      });
  }

  function halt(): Promise<void> {
    halting ??= (async () => {
      options.pause();
      wakeUp();
      queue = [];
      await assigning;
      await pump;
    })();
    return halting;
  }

  return {
    get leaving() {
      return halting !== null;
    },
    begin,
    push(messages) {
      if (halting !== null || next === null) return false;
      for (const { offset, key, value, timestamp } of messages) {
        const at = Number(offset);
        if (at < next) continue;
        next = at + 1;
        queuedBytes += value?.length ?? 0;
        queue.push({ partition, offset: at, key: key ?? null, value: value ?? null, timestampMs: Number(timestamp) });
      }
      if (queuedBytes >= QUEUE_MAX_BYTES) hold(true);
      if (queue.length > 0) start();
      return true;
    },
    check() {
      if (halting === null && next !== null) start();
    },
    async outOfRange() {
      const wanted = next;
      if (wanted === null || wanted === missing || halting !== null) return;
      missing = wanted;
      const { start: first, end } = await options.bounds(partition).catch((error: unknown) => {
        missing = null;
        throw error;
      });
      if (first <= wanted && wanted <= end) return;
      options.onGap(partition, wanted, first);
      if (next !== wanted || halting !== null) return;
      next = first;
      options.seek(first);
    },
    goOn() {
      if (next === null || halting !== null) return options.pause();
      options.seek(next);
      if (held) options.pause();
    },
    halt,
    leave() {
      leaving ??= halt().then(async () => {
        await revoke().catch(options.die);
      });
      return leaving;
    },
  };
}

/** Errors of the client become ours; others are faults of this program and stay as they are. */
function wrapped(error: unknown): unknown {
  return error instanceof Error && error.name.startsWith('KafkaJS') ? busError(error, 'Kafka') : error;
}
