import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Bus, BusRecord, ConsumeOptions, Consumer, Mark, OutRecord } from '../../platform/ports.ts';
import type { Topic } from '../../schemas/topics.ts';

/** The bus in memory: one object is the durable log, and outlives the stages that a test starts and stops over it. */
export function createMemoryBus(partitions: number, batchRecords = 4): Bus {
  const logs = new Map<string, BusRecord[]>();
  const marks = new Map<string, string>();
  const offsets = new Map<string, number>();
  const sleepers = new Set<() => void>();

  function log(topic: Topic, partition: number): BusRecord[] {
    const key = `${topic}/${partition}`;
    const records = logs.get(key) ?? [];
    logs.set(key, records);
    return records;
  }

  function setMarks(changes: readonly Mark[]): void {
    for (const { key, value } of changes) {
      if (value === null) marks.delete(key);
      else marks.set(key, value);
    }
  }

  function add(records: readonly OutRecord[]): void {
    for (const { topic, partition, value } of records) {
      const kept = log(topic, partition);
      kept.push({ partition, offset: kept.length, value: Buffer.from(value) });
    }
  }

  function wake(): void {
    for (const sleeper of [...sleepers]) sleeper();
  }

  const bus: Bus = {
    partitions: () => partitions,
    async append(records: readonly OutRecord[], changes: readonly Mark[] = []) {
      await nextTurn();
      add(records);
      setMarks(changes);
      wake();
    },
    async syncMarks() {},
    getMark: (key) => marks.get(key) ?? null,
    marks: (prefix) =>
      [...marks]
        .filter(([key]) => key.startsWith(prefix))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => ({ key, value })),
    async consume(options: ConsumeOptions): Promise<Consumer> {
      let stopping = false;
      const run = async (partition: number) => {
        const records = log(options.topic, partition);
        const begin =
          (await options.onAssign(partition)) ?? (await bus.committed(options.group, options.topic, partition));
        for (let next = begin ?? 0; !stopping; ) {
          const batch = records.slice(next, next + batchRecords);
          if (batch.length > 0) await options.onRecords(partition, batch);
          else await new Promise<void>((resolve) => sleepers.add(resolve));
          next += batch.length;
          await nextTurn();
        }
      };
      const all = Array.from({ length: partitions }, (_, partition) => partition);
      const running = Promise.all(all.map(run)).finally(() => {
        stopping = true;
        wake();
      });
      const done = running.then(async () => {
        await Promise.all(all.map((partition) => options.onRevoke(partition)));
      });
      done.catch(() => undefined);
      return {
        done,
        async stop() {
          stopping = true;
          wake();
          await done.catch(() => undefined);
        },
      };
    },
    async commit(group, topic, partition, nextOffset, changes = [], records = []) {
      await nextTurn();
      offsets.set(`${group}/${topic}/${partition}`, nextOffset);
      setMarks(changes);
      add(records);
      wake();
    },
    committed: async (group, topic, partition) => offsets.get(`${group}/${topic}/${partition}`) ?? null,
    endOffset: async (topic, partition) => log(topic, partition).length,
    read: async (topic, partition, from, maxRecords) => log(topic, partition).slice(from, from + maxRecords),
    usage: () => ({ bytes: 0, capBytes: Number.MAX_SAFE_INTEGER }),
    trouble: () => null,
    close: async () => undefined,
  };
  return bus;
}
