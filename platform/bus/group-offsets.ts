import type { Topic } from '../../schemas/topics.ts';
import type { Table, Write } from '../lmdb/writes.ts';

/**
 * Committed offsets of the consumer groups. Stored one per key: JSON of [topic, group, partition] to the decimal offset.
 */
export interface GroupOffsets {
  committed(group: string, topic: Topic, partition: number): number | null;
  /** The group counts for trimming from now on, also before its first commit. */
  register(group: string, topic: Topic): void;
  /** Every group of the topic has committed at least this offset; 0 when the topic has no group. */
  floor(topic: Topic, partition: number): number;
  write(group: string, topic: Topic, partition: number, nextOffset: number): Write;
  /** To be called when the write is committed. */
  apply(group: string, topic: Topic, partition: number, nextOffset: number): void;
  /** Removal of everything that a group has committed. */
  forgetting(group: string): Write[];
  applyForget(group: string): void;
}

export function openGroupOffsets(table: Table): GroupOffsets {
  const topics = new Map<Topic, Map<string, Map<number, number>>>();

  function positions(topic: Topic, group: string): Map<number, number> {
    let groups = topics.get(topic);
    if (groups === undefined) {
      groups = new Map();
      topics.set(topic, groups);
    }
    let offsets = groups.get(group);
    if (offsets === undefined) {
      offsets = new Map();
      groups.set(group, offsets);
    }
    return offsets;
  }

  for (const { key, value } of table.getRange({})) {
    const [topic, group, partition] = JSON.parse(Buffer.from(key).toString('utf8')) as [Topic, string, number];
    positions(topic, group).set(partition, Number(value.toString('latin1')));
  }

  return {
    committed: (group, topic, partition) => topics.get(topic)?.get(group)?.get(partition) ?? null,
    register: (group, topic) => void positions(topic, group),
    floor(topic, partition) {
      const groups = topics.get(topic);
      if (groups === undefined || groups.size === 0) return 0;
      let lowest = Number.POSITIVE_INFINITY;
      for (const offsets of groups.values()) lowest = Math.min(lowest, offsets.get(partition) ?? 0);
      return lowest;
    },
    write: (group, topic, partition, nextOffset) => ({
      table,
      key: keyOf(group, topic, partition),
      value: Buffer.from(String(nextOffset)),
    }),
    apply: (group, topic, partition, nextOffset) => void positions(topic, group).set(partition, nextOffset),
    forgetting(group) {
      const writes: Write[] = [];
      for (const [topic, groups] of topics) {
        for (const partition of groups.get(group)?.keys() ?? []) {
          writes.push({ table, key: keyOf(group, topic, partition), value: null });
        }
      }
      return writes;
    },
    applyForget(group) {
      for (const groups of topics.values()) groups.delete(group);
    },
  };
}

function keyOf(group: string, topic: Topic, partition: number): Buffer {
  return Buffer.from(JSON.stringify([topic, group, partition]));
}
