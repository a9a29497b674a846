import type { Bus, Mark, OutRecord } from '../../platform/ports.ts';
import { GatewatchError } from '../../schemas/errors.ts';

/** The part of a bus that sources use, in memory. */
export interface SourcesMemoryBus extends Pick<Bus, 'append' | 'getMark' | 'marks' | 'partitions' | 'syncMarks'> {
  /** Everything durable, in the order of the appends. */
  readonly records: OutRecord[];
  readonly appends: number;
  /** Appends fail as on a full log until it is set to false. */
  full(isFull: boolean): void;
  /** Appends wait until it is set to false. */
  hold(isHeld: boolean): void;
  /** What is not durable now never will be; the bus that remains after a crash. */
  crash(): SourcesMemoryBus;
}

export function createSourcesMemoryBus(
  options: { partitions?: number; delayMs?: () => number; records?: OutRecord[]; marks?: Map<string, string> } = {},
): SourcesMemoryBus {
  const { partitions = 2, delayMs = () => 0, records = [], marks = new Map<string, string>() } = options;
  let dead = false;
  let isFull = false;
  let appends = 0;
  let release = () => {};
  let held: Promise<void> | null = null;

  return {
    records,
    get appends() {
      return appends;
    },
    partitions: () => partitions,
    async append(out: readonly OutRecord[], withMarks: readonly Mark[] = []) {
      await new Promise((resolve) => setTimeout(resolve, delayMs()));
      while (held !== null) await held;
      if (dead) await new Promise(() => {});
      if (isFull) throw new GatewatchError('log_full', 'the log is full', { transient: true });
      appends += 1;
      // The encoder uses the buffers of blocks again once they are appended.
      for (const record of out) records.push({ ...record, value: Buffer.from(record.value) });
      for (const { key, value } of withMarks) {
        if (value === null) marks.delete(key);
        else marks.set(key, value);
      }
    },
    async syncMarks() {},
    getMark: (key) => marks.get(key) ?? null,
    marks: (prefix) =>
      [...marks]
        .filter(([key]) => key.startsWith(prefix))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => ({ key, value })),
    full: (now) => {
      isFull = now;
    },
    hold(now) {
      if (now && held === null) {
        held = new Promise((resolve) => {
          release = resolve;
        });
      } else if (!now) {
        held = null;
        release();
      }
    },
    crash() {
      dead = true;
      return createSourcesMemoryBus({ ...options, records: [...records], marks: new Map(marks) });
    },
  };
}
