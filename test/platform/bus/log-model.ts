import { footprint } from '../../../platform/bus/log-format.ts';
import type { Topic } from '../../../schemas/topics.ts';

/** Plain model of what the embedded log must hold. Written from the contract, with arrays and without sharing code. */
export interface ModelRecord {
  readonly text: string;
  readonly time: number;
  readonly bytes: number;
}

export interface ModelPartition {
  readonly topic: Topic;
  readonly partition: number;
  start: number;
  /** Live records; the first one has offset `start`. */
  live: ModelRecord[];
}

export const MODEL_PARTITIONS: Readonly<Record<Topic, number>> = { events: 2, decisions: 1, 'dead-letter': 1 };
export const MODEL_CAP_BYTES = 300_000;
export const MODEL_RETENTION_MS = 10_000;
const DEAD_LETTER_DAYS_MS = 14 * 86_400_000;

export type Pool = 'log' | 'dead-letter';
export const poolOf = (topic: Topic): Pool => (topic === 'dead-letter' ? 'dead-letter' : 'log');

/** 10 % of the cap for dead letters; of the rest, 10 % of the cap that events leave to the others. */
const LIMITS: Readonly<Record<Topic, number>> = {
  events: MODEL_CAP_BYTES * 0.8,
  decisions: MODEL_CAP_BYTES * 0.9,
  'dead-letter': MODEL_CAP_BYTES * 0.1,
};

export interface AppendItem {
  readonly topic: Topic;
  readonly partition: number;
  readonly text: string;
}

export function createModel() {
  const partitions: ModelPartition[] = (['events', 'decisions', 'dead-letter'] as const).flatMap((topic) =>
    Array.from({ length: MODEL_PARTITIONS[topic] }, (_, partition) => ({ topic, partition, start: 0, live: [] })),
  );
  /** By `group topic partition`. */
  const committed = new Map<string, number>();
  /** `group topic` of consumers that live in this process. */
  const consuming = new Set<string>();
  const marks = new Map<string, string>();

  const at = (topic: Topic, partition: number) =>
    partitions.find((p) => p.topic === topic && p.partition === partition) as ModelPartition;

  function groupsOf(topic: Topic): string[] {
    const committing = [...committed.keys()]
      .filter((key) => key.split(' ')[1] === topic)
      .map((key) => key.split(' ')[0]);
    const reading = [...consuming].filter((key) => key.split(' ')[1] === topic).map((key) => key.split(' ')[0]);
    return [...new Set([...committing, ...reading])] as string[];
  }

  /** Offset below which records may go. */
  function removableBefore(p: ModelPartition): number {
    const end = p.start + p.live.length;
    if (p.topic === 'dead-letter') return end;
    const groups = groupsOf(p.topic);
    if (groups.length === 0) return 0;
    return Math.min(end, ...groups.map((group) => committed.get(`${group} ${p.topic} ${p.partition}`) ?? 0));
  }

  const bytesOf = (records: readonly ModelRecord[]) => records.reduce((sum, { bytes }) => sum + bytes, 0);
  const used = (pool: Pool) => bytesOf(partitions.filter((p) => poolOf(p.topic) === pool).flatMap((p) => p.live));

  /** Removes the oldest removable record of the pool; false when there is none. */
  function removeOldest(pool: Pool): boolean {
    const candidates = partitions.filter((p) => poolOf(p.topic) === pool && p.start < removableBefore(p));
    const first = candidates.reduce<ModelPartition | null>(
      (best, p) => (best === null || (p.live[0]?.time ?? 0) < (best.live[0]?.time ?? 0) ? p : best),
      null,
    );
    if (first === null) return false;
    first.live.shift();
    first.start += 1;
    return true;
  }

  return {
    partitions,
    committed,
    consuming,
    marks,
    at,
    used,
    /** Makes room and adds all items, or adds none: 'full' when room may come, 'never' when it cannot. */
    append(items: readonly AppendItem[], time: number): 'ok' | 'full' | 'never' {
      const demands = (['log', 'dead-letter'] as const).flatMap((pool) => {
        const own = items.filter(({ topic }) => poolOf(topic) === pool);
        const bytes = own.reduce((sum, { text }) => sum + footprint(text.length), 0);
        return own.length === 0 ? [] : [{ pool, bytes, limit: Math.min(...own.map(({ topic }) => LIMITS[topic])) }];
      });
      if (demands.some(({ bytes, limit }) => bytes > limit)) return 'never';
      for (const { pool, bytes, limit } of demands) {
        while (used(pool) + bytes > limit) if (!removeOldest(pool)) return 'full';
      }
      for (const { topic, partition, text } of items) {
        at(topic, partition).live.push({ text, time, bytes: footprint(text.length) });
      }
      return 'ok';
    },
    trim(time: number): void {
      for (const p of partitions) {
        const keep = p.topic === 'dead-letter' ? DEAD_LETTER_DAYS_MS : MODEL_RETENTION_MS;
        while (p.start < removableBefore(p) && (p.live[0]?.time ?? time) < time - keep) {
          p.live.shift();
          p.start += 1;
        }
      }
    },
  };
}

export type Model = ReturnType<typeof createModel>;
