/**
 * The value behind each novelty of a row's open hour, so that a reason can name it. Rows remember values as hashes; this
 * small table holds the text, only for values that were unusual, and forgets the oldest beyond its bound: a reason
 * without its value is left out, never made up.
 */
export interface Novelty {
  readonly value: string;
  readonly source: string;
  readonly position: number;
  /** Index of the hour tick in which it was new. */
  readonly hour: number;
}

/** 4,096 a partition: some 400 KB at most. */
const NOVELTIES_MAX = 4_096;

export interface RecentNovelties {
  put(row: number, channel: number, novelty: Novelty): void;
  get(row: number, channel: number, hour: number): Novelty | null;
  /** The row is somebody else's from now on. */
  forget(row: number): void;
  dump(): [number, Novelty][];
  load(entries: readonly [number, Novelty][]): void;
}

export function createRecentNovelties(): RecentNovelties {
  const entries = new Map<number, Novelty>();
  const keyOf = (row: number, channel: number) => row * 8 + channel;
  return {
    put(row, channel, novelty) {
      const key = keyOf(row, channel);
      entries.delete(key);
      entries.set(key, novelty);
      if (entries.size > NOVELTIES_MAX) entries.delete(entries.keys().next().value as number);
    },
    get(row, channel, hour) {
      const novelty = entries.get(keyOf(row, channel));
      return novelty !== undefined && novelty.hour === hour ? novelty : null;
    },
    forget(row) {
      for (let channel = 0; channel < 8; channel++) entries.delete(keyOf(row, channel));
    },
    dump: () => [...entries],
    load(saved) {
      entries.clear();
      for (const [key, novelty] of saved) entries.set(key, novelty);
    },
  };
}
