import type { CompressionTypes, Kafka } from 'kafkajs';
import { GatewatchError } from '../../schemas/errors.ts';
import type { Topic } from '../../schemas/topics.ts';
import { inTurn } from '../store/turn.ts';
import { partitionLost } from './bus-error.ts';
import { type GroupOffset, type Owner, openOwner, PARTITION_TIMEOUT_MS, SHORT_TIMEOUT_MS } from './owner.ts';
import type { Outgoing } from './producer.ts';

/** The owners that this process has opened: one for each partition that a group reads, one for the intake. */
export interface Owners {
  /** Fences every other owner of the partition. */
  acquire(group: string, topic: Topic, partition: number): Promise<void>;
  /** Whether a partition that was acquired may no longer be written. */
  isLost(group: string, topic: Topic, partition: number): boolean;
  /** Of a partition that was acquired and released, it rejects with `partition_lost`: it may be somebody else's by now. */
  commit(
    group: string,
    topic: Topic,
    partition: number,
    records: readonly Outgoing[],
    offset: GroupOffset,
  ): Promise<ReadonlyMap<string, number>>;
  release(group: string, topic: Topic, partition: number): Promise<void>;
  /** The group's consumer of the topic is gone: its partitions may be committed by whoever likes to. */
  forget(group: string, topic: Topic): void;
  /** Ends a transaction of this id that a former process left open: until then nobody can read what stands behind it. */
  openAlone(id: string): Promise<void>;
  /**
   * A transaction that belongs to no partition. After a failure the next one begins with a new owner. When it is not known
   * whether a transaction came about, trying the same records again finds out, and writes them only if it did not.
   */
  commitAlone(id: string, records: readonly Outgoing[]): Promise<void>;
  close(): Promise<void>;
}

interface Unsettled {
  readonly records: readonly Outgoing[];
  readonly ends: ReadonlyMap<string, number>;
}

export function openOwners(options: {
  kafka: Kafka;
  compression: CompressionTypes;
  prefix: string;
  /** A commit of the partition's owner was refused, or its outcome is not known. */
  onLost(group: string, topic: Topic, partition: number, error: unknown): void;
  /** Whether the record before this end of `topic/partition` can be read, when no transaction before it is open. */
  landed(place: string, end: number): Promise<boolean>;
}): Owners {
  const { kafka, compression, prefix } = options;
  const owners = new Map<string, Promise<Owner>>();
  const ready = new Map<string, Owner>();
  const acquired = new Set<string>();
  const unsettled = new Map<string, Unsettled>();
  const alone = inTurn();

  function open(id: string, timeoutMs: number): Promise<Owner> {
    const opening = openOwner(kafka, `${prefix}-${id}`, compression, timeoutMs);
    owners.set(id, opening);
    opening.then(
      (owner) => {
        if (owners.get(id) === opening) ready.set(id, owner);
      },
      () => {
        if (owners.get(id) === opening) owners.delete(id);
      },
    );
    return opening;
  }

  async function close(id: string): Promise<void> {
    const opening = owners.get(id);
    owners.delete(id);
    ready.delete(id);
    await opening?.then((owner) => owner.close()).catch(() => undefined);
  }

  /** Whether these records stand on the topics already, by a transaction whose outcome was not known. */
  async function cameAbout(id: string, records: readonly Outgoing[]): Promise<boolean> {
    const before = unsettled.get(id);
    const [last] = before?.ends ?? [];
    if (before === undefined || last === undefined || !sameRecords(before.records, records)) return false;
    return options.landed(...last);
  }

  const idOf = (group: string, topic: Topic, partition: number) => `${group}-${topic}-${partition}`;
  const aloneOwner = (id: string) => owners.get(id) ?? open(id, SHORT_TIMEOUT_MS);

  return {
    async acquire(group, topic, partition) {
      const id = idOf(group, topic, partition);
      acquired.add(id);
      await close(id);
      await open(id, PARTITION_TIMEOUT_MS);
    },
    isLost: (group, topic, partition) => ready.get(idOf(group, topic, partition))?.lost ?? false,
    async commit(group, topic, partition, records, offset) {
      const id = idOf(group, topic, partition);
      const known = owners.get(id);
      if (known === undefined && acquired.has(id)) throw partitionLost(`${prefix}-${id}`, undefined);
      const owner = await (known ?? open(id, PARTITION_TIMEOUT_MS));
      try {
        return await owner.commit(records, offset);
      } catch (error) {
        options.onLost(group, topic, partition, error);
        throw error;
      }
    },
    release: (group, topic, partition) => close(idOf(group, topic, partition)),
    forget(group, topic) {
      const start = `${group}-${topic}-`;
      for (const id of acquired) if (id.startsWith(start)) acquired.delete(id);
    },
    async openAlone(id) {
      await aloneOwner(id);
    },
    commitAlone: (id, records) =>
      alone(async () => {
        const owner = await aloneOwner(id);
        if (await cameAbout(id, records)) return void unsettled.delete(id);
        unsettled.delete(id);
        try {
          await owner.commit(records, null);
        } catch (error) {
          if (owner.unsettled !== null) unsettled.set(id, { records: records.map(copied), ends: owner.unsettled });
          await close(id);
          throw passing(error, `${prefix}-${id}`);
        }
      }),
    async close() {
      await Promise.all([...owners.keys()].map(close));
    },
  };
}

/** The caller may use the memory again. */
function copied({ topic, partition, key, value }: Outgoing): Outgoing {
  return { topic, partition, key, value: value === null ? null : Buffer.from(value) };
}

/** Nobody else should have the id of a process: what failed is what lies behind the loss. */
function passing(error: unknown, id: string): unknown {
  const cause = error instanceof GatewatchError ? error.cause : error;
  if (cause instanceof GatewatchError) return cause;
  const message = `the transaction of ${id} was ended before it was complete: by its timeout, or by another process with a copy of this data directory`;
  return new GatewatchError('bus_unavailable', message, { transient: true, cause: error });
}

function sameRecords(some: readonly Outgoing[], others: readonly Outgoing[]): boolean {
  return some.length === others.length && some.every((one, i) => sameRecord(one, others[i] as Outgoing));
}

function sameRecord(one: Outgoing, other: Outgoing): boolean {
  const place = one.topic === other.topic && one.partition === other.partition;
  return place && sameBytes(one.key, other.key) && sameBytes(one.value, other.value);
}

function sameBytes(some: Buffer | null, others: Buffer | null): boolean {
  return some === null || others === null ? some === others : some.equals(others);
}
