import type { RawConsumeOptions, RawConsumer, RawLog } from '../../platform/ports.ts';
import { GatewatchError } from '../../schemas/errors.ts';

interface Stored {
  readonly offset: number;
  readonly timestampMs: number;
  readonly value: Buffer | null;
}

/** One raw topic in memory, and the faults that a cluster has. */
export interface MemoryRawLog extends RawLog {
  /** Appends records; offsets may have gaps, as behind a transaction. */
  produce(
    partition: number,
    values: readonly (Buffer | null)[],
    options?: { timestampMs?: number; gap?: number },
  ): void;
  /** Removes what is below `offset`, as the retention does. */
  trim(partition: number, offset: number): void;
  /** Offset behind the last record whose handing over was finished, for each partition. */
  readonly handled: ReadonlyMap<number, number>;
  readonly committed: ReadonlyMap<number, number>;
  /** Offsets in the order in which they were committed, for each partition. */
  readonly commits: { readonly partition: number; readonly next: number }[];
  /** How many records the next batches have. */
  cut(size: () => number): void;
  /** The next `count` calls of that name fail with a transient error. */
  fail(call: 'settle' | 'commit', count: number): void;
  /** The process dies: nothing is delivered or committed any more. What it goes on with is the log that remains. */
  crash(): void;
  /** The group takes a partition away, and gives it back. */
  revoke(partition: number): Promise<void>;
}

export function createMemoryRawLog(partitions: number): MemoryRawLog {
  const logs = Array.from({ length: partitions }, (): Stored[] => []);
  const handled = new Map<number, number>();
  const committed = new Map<number, number>();
  const commits: { partition: number; next: number }[] = [];
  const failures = { settle: 0, commit: 0 };
  let size = () => 100;
  /** Consumers of an earlier life see nothing more. */
  let life = 0;
  let revoke: (partition: number) => Promise<void> = async () => {};

  function failNow(call: 'settle' | 'commit'): void {
    if (failures[call] === 0) return;
    failures[call] -= 1;
    throw new GatewatchError('bus_unavailable', 'no broker answers', { transient: true });
  }

  function begin(partition: number, { from, onGap }: RawConsumeOptions): number {
    const log = logs[partition] as Stored[];
    const end = (log.at(-1)?.offset ?? -1) + 1;
    const low = log[0]?.offset ?? end;
    const known = committed.get(partition);
    if (known !== undefined && known < low) onGap(partition, known, low);
    return Math.max(known ?? (from === 'end' ? end : low), low);
  }

  return {
    produce(partition, values, { timestampMs = 0, gap = 0 } = {}) {
      const log = logs[partition] as Stored[];
      let offset = (log.at(-1)?.offset ?? -1) + 1 + gap;
      for (const value of values) log.push({ offset: offset++, timestampMs, value });
    },
    trim(partition, offset) {
      logs[partition] = (logs[partition] as Stored[]).filter((record) => record.offset >= offset);
    },
    handled,
    committed,
    commits,
    cut: (next) => {
      size = next;
    },
    fail(call, count) {
      failures[call] = count;
    },
    crash() {
      life += 1;
      // The next life reads again what was not committed.
      handled.clear();
      for (const [partition, next] of committed) handled.set(partition, next);
    },
    revoke: (partition) => revoke(partition),
    async settle() {
      failNow('settle');
    },
    async consume(options): Promise<RawConsumer> {
      const mine = life;
      let stopping = false;
      let settle: { resolve(): void; reject(error: unknown): void } = { resolve() {}, reject() {} };
      const done = new Promise<void>((resolve, reject) => {
        settle = { resolve, reject };
      });
      done.catch(() => undefined);
      const dead = () => mine !== life;
      const pumps = new Map<number, { leave(): Promise<void> }>();

      function start(partition: number): void {
        let leaving = false;
        async function pump(): Promise<void> {
          await options.onAssign(partition);
          let next = begin(partition, options);
          while (!leaving && !dead()) {
            const all = (logs[partition] as Stored[]).filter(({ offset }) => offset >= next);
            const records = all.slice(0, size()).map((record) => ({ ...record, partition }));
            next = (records.at(-1)?.offset ?? next - 1) + 1;
            if (records.length > 0) {
              await options.onRecords(partition, records);
              if (!dead()) handled.set(partition, next);
            } else await new Promise((resolve) => setTimeout(resolve, 1));
          }
          if (!dead()) await options.onRevoke(partition);
        }
        const pumping = pump().catch((error: unknown) => settle.reject(error));
        pumps.set(partition, {
          async leave() {
            leaving = true;
            await pumping;
          },
        });
      }

      for (let partition = 0; partition < partitions; partition++) start(partition);
      revoke = async (partition) => {
        await pumps.get(partition)?.leave();
        start(partition);
      };
      return {
        done,
        async stop() {
          if (stopping) return done.catch(() => undefined);
          stopping = true;
          if (!dead()) await Promise.all(Array.from(pumps.values(), (pump) => pump.leave()));
          settle.resolve();
        },
        async commit(partition, next) {
          if (dead()) return;
          failNow('commit');
          committed.set(partition, next);
          commits.push({ partition, next });
        },
      };
    },
  };
}
