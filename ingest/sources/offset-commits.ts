import { GatewatchError } from '../../schemas/errors.ts';

/** How far the partitions that are ours are durable, and how far that is committed. */
export interface OffsetCommits {
  assigned(partition: number): void;
  /** Everything below `next` is durable. */
  durable(partition: number, next: number): void;
  /** Commits what is durable and not committed. Rejects only when something else than the bus fails. */
  commit(partition: number): Promise<void>;
  commitAll(): Promise<void>;
  revoked(partition: number): Promise<void>;
}

interface Progress {
  durable: number;
  committed: number;
}

/**
 * Offsets are only where reading begins again: what was read already is told by its position. So a commit that fails is
 * no fault: it is tried again, and when the partition is somebody else's by then, that one reads a little again.
 */
export function createOffsetCommits(send: (partition: number, next: number) => Promise<void>): OffsetCommits {
  const partitions = new Map<number, Progress>();

  async function commit(partition: number): Promise<void> {
    const progress = partitions.get(partition);
    if (progress === undefined || progress.durable <= progress.committed) return;
    const next = progress.durable;
    try {
      await send(partition, next);
      progress.committed = Math.max(progress.committed, next);
    } catch (error) {
      if (!(error instanceof GatewatchError)) throw error;
    }
  }

  return {
    assigned: (partition) => void partitions.set(partition, { durable: -1, committed: -1 }),
    durable(partition, next) {
      const progress = partitions.get(partition);
      if (progress !== undefined) progress.durable = next;
    },
    commit,
    async commitAll() {
      await Promise.all(Array.from(partitions.keys(), commit));
    },
    async revoked(partition) {
      await commit(partition);
      partitions.delete(partition);
    },
  };
}
