import type { CompressionTypes, Kafka } from 'kafkajs';
import type { Topic } from '../../schemas/topics.ts';
import { type GroupOffset, type Owner, openOwner } from './owner.ts';
import type { Outgoing } from './producer.ts';

/** The owners that this process has opened: one for each partition that a group reads, one for the intake. */
export interface Owners {
  /** Fences every other owner of the partition. */
  acquire(group: string, topic: Topic, partition: number): Promise<void>;
  /** Whether a partition that was acquired may no longer be written. */
  isLost(group: string, topic: Topic, partition: number): boolean;
  commit(
    group: string,
    topic: Topic,
    partition: number,
    records: readonly Outgoing[],
    offset: GroupOffset,
  ): Promise<ReadonlyMap<string, number>>;
  /** A transaction that belongs to no partition. After a failure the next one begins with a new owner. */
  commitAlone(id: string, records: readonly Outgoing[]): Promise<void>;
  release(group: string, topic: Topic, partition: number): Promise<void>;
  close(): Promise<void>;
}

export function openOwners(options: {
  kafka: Kafka;
  compression: CompressionTypes;
  prefix: string;
  /** A commit of the partition's owner was refused, or its outcome is not known. */
  onLost(group: string, topic: Topic, partition: number, error: unknown): void;
}): Owners {
  const { kafka, compression, prefix } = options;
  const owners = new Map<string, Promise<Owner>>();
  const ready = new Map<string, Owner>();

  function open(id: string): Promise<Owner> {
    const opening = openOwner(kafka, `${prefix}-${id}`, compression);
    owners.set(id, opening);
    opening.then(
      (owner) => ready.set(id, owner),
      () => owners.delete(id),
    );
    return opening;
  }

  async function close(id: string): Promise<void> {
    const opening = owners.get(id);
    owners.delete(id);
    ready.delete(id);
    await opening?.then((owner) => owner.close()).catch(() => undefined);
  }

  const idOf = (group: string, topic: Topic, partition: number) => `${group}-${topic}-${partition}`;

  return {
    async acquire(group, topic, partition) {
      const id = idOf(group, topic, partition);
      await close(id);
      await open(id);
    },
    isLost: (group, topic, partition) => ready.get(idOf(group, topic, partition))?.lost ?? false,
    async commit(group, topic, partition, records, offset) {
      const id = idOf(group, topic, partition);
      const owner = await (owners.get(id) ?? open(id));
      try {
        return await owner.commit(records, offset);
      } catch (error) {
        options.onLost(group, topic, partition, error);
        throw error;
      }
    },
    async commitAlone(id, records) {
      const owner = await (owners.get(id) ?? open(id));
      try {
        await owner.commit(records, null);
      } catch (error) {
        await close(id);
        // Nobody else has this id: the failure is what lies behind it.
        throw error instanceof Error && error.cause instanceof Error ? error.cause : error;
      }
    },
    release: (group, topic, partition) => close(idOf(group, topic, partition)),
    async close() {
      await Promise.all([...owners.keys()].map(close));
    },
  };
}
