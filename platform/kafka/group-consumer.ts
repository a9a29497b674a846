import type { Consumer as Client, ConsumerGroupJoinEvent, EachBatchPayload, Kafka } from 'kafkajs';
import { GatewatchError } from '../../schemas/errors.ts';
import type { Consumer } from '../ports.ts';
import { rendezvousAssigner } from './assigner.ts';
import { busError, isMoving, partitionLost } from './bus-error.ts';
import { CLIENT_RETRY } from './connect.ts';
import { createSlot, type FetchedRecord, type Slot } from './partition-slot.ts';

/** Three heartbeats may be lost within a session. */
const HEARTBEATS_PER_SESSION = 4;
/** How long a member may take to come back when the group is shared out anew. */
const REBALANCE_TIMEOUT_MS = 60_000;
/** A paused partition is asked for again after this at the latest: the broker answers sooner when it has something. */
const FETCH_WAIT_MS = 100;
const FETCH_BYTES = 16 * 1024 * 1024;
const FETCH_PARTITION_BYTES = 2 * 1024 * 1024;
/** Pause before the client is started again after it gave up. */
const RESTART_MS = 1_000;
/** Starts in a row that may meet a coordinator on the move before that is called trouble. */
const QUIET_STARTS = 5;

export interface GroupConsumerOptions {
  readonly kafka: Kafka;
  readonly groupId: string;
  /** Full name. */
  readonly topic: string;
  readonly sessionTimeoutMs: number;
  /** The partition is ours: make it so, and say where to begin. Tried again by the consumer as long as it is ours. */
  onAssign(partition: number): Promise<number>;
  onRecords(partition: number, records: readonly FetchedRecord[]): Promise<void>;
  onRevoke(partition: number): Promise<void>;
  /** Whether the partition has been taken away although the group says that it is ours: it is assigned anew. */
  isLost(partition: number): boolean;
  /** Trouble with the broker, and null when it is over. */
  onTrouble(error: GatewatchError | null): void;
  /** Records [from, to) are gone; `to` below `from`: the log is shorter than what was read of it. */
  onGap(partition: number, from: number, to: number): void;
  bounds(partition: number): Promise<{ readonly start: number; readonly end: number }>;
}

export interface GroupConsumer extends Consumer {
  /** Resolves when the first attempt to join the group is over, with success or without. */
  readonly launched: Promise<void>;
  /** Of the group's own offset. Rejects with a transient error when this process is no member at the moment. */
  commit(partition: number, next: number): Promise<void>;
  /** To be called when `isLost` may have changed: nobody waits for the next record to find it out. */
  check(partition: number): void;
  /** Whether the group has given the partition to this process. */
  has(partition: number): boolean;
  /** To be called when the client says that the broker does not have what it asked for. */
  outOfRange(partition: number): void;
}

/**
 * Reads a topic as a member of a consumer group.
 *
 * The client only fetches and keeps the membership; records wait in a bounded queue per partition (partition-slot.ts),
 * whose own loop hands them on. So slow work holds up neither heartbeats nor other partitions, and a partition that stays
 * with this member over a rebalance goes on where it is. The client gives no time to finish a partition before it is
 * given away: what must not be written by two is fenced by its owner (owner.ts).
 */
export function startGroupConsumer(options: GroupConsumerOptions): GroupConsumer {
  const { kafka, topic, groupId } = options;
  const slots = new Map<number, Slot>();
  let assigned = new Set<number>();
  let memberId = '';
  let client: Client | null = null;
  /** The client while it is a member of the group: before that it takes no orders, and its partitions are assigned anew. */
  let joined: Client | null = null;
  /** Starts that failed since the last membership. */
  let failures = 0;
  let stopping: Promise<void> | null = null;
  let restart: NodeJS.Timeout | null = null;
  let settle: { resolve(): void; reject(error: unknown): void } = { resolve() {}, reject() {} };
  const done = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  done.catch(() => undefined);

  function newSlot(partition: number): Slot {
    return createSlot({
      partition,
      async onAssign(one) {
        // Without a membership it may be somebody else's.
        if (!assigned.has(one)) throw partitionLost(`partition ${one} of ${topic}`, undefined);
        return options.onAssign(one);
      },
      onRecords: options.onRecords,
      onRevoke: options.onRevoke,
      isLost: options.isLost,
      onTrouble: options.onTrouble,
      onGap: options.onGap,
      bounds: options.bounds,
      seek(offset) {
        joined?.seek({ topic, partition, offset: String(offset) });
      },
      pause() {
        joined?.pause([{ topic, partitions: [partition] }]);
      },
      resume() {
        joined?.resume([{ topic, partitions: [partition] }]);
      },
      die: (error) => void fail(error),
    });
  }

  function onJoin({ payload }: ConsumerGroupJoinEvent): void {
    if (stopping !== null) return;
    failures = 0;
    options.onTrouble(null);
    const same = payload.memberId === memberId;
    memberId = payload.memberId;
    assigned = new Set(payload.memberAssignment[topic] ?? []);
    for (const [partition, slot] of slots) {
      // With a new membership somebody else may have had the partition in between.
      if (same && assigned.has(partition)) slot.goOn();
      else void release(partition, slot);
    }
    for (const partition of assigned) take(partition);
  }

  function take(partition: number): void {
    if (slots.has(partition)) {
      if (slots.get(partition)?.leaving === true) joined?.pause([{ topic, partitions: [partition] }]);
      return;
    }
    const slot = newSlot(partition);
    slots.set(partition, slot);
    void slot.begin();
  }

  /** Ends the work on a partition; when it has become ours again meanwhile, it begins anew. */
  async function release(partition: number, slot: Slot): Promise<void> {
    await slot.leave();
    if (slots.get(partition) === slot) slots.delete(partition);
    if (stopping === null && assigned.has(partition)) take(partition);
  }

  async function eachBatch({ batch, resolveOffset, isStale }: EachBatchPayload): Promise<void> {
    const slot = slots.get(batch.partition);
    const last = batch.messages.at(-1);
    // Fetched before the partition was told to go on elsewhere.
    if (slot === undefined || last === undefined || stopping !== null || isStale()) return;
    if (slot.push(batch.messages)) resolveOffset(last.offset);
  }

  async function launch(): Promise<void> {
    if (stopping !== null) return;
    restart = null;
    const fresh = kafka.consumer({
      groupId,
      partitionAssigners: [rendezvousAssigner],
      sessionTimeout: options.sessionTimeoutMs,
      rebalanceTimeout: REBALANCE_TIMEOUT_MS,
      heartbeatInterval: Math.floor(options.sessionTimeoutMs / HEARTBEATS_PER_SESSION),
      allowAutoTopicCreation: false,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      maxBytes: FETCH_BYTES,
      maxBytesPerPartition: FETCH_PARTITION_BYTES,
      retry: { ...CLIENT_RETRY, restartOnFailure: async () => false },
    });
    client = fresh;
    fresh.on(fresh.events.GROUP_JOIN, (event) => {
      if (client !== fresh) return;
      joined = fresh;
      onJoin(event);
    });
    fresh.on(fresh.events.CRASH, ({ payload }) => giveUp(fresh, payload.error));
    try {
      await fresh.connect();
      await fresh.subscribe({ topics: [topic], fromBeginning: true });
      await fresh.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch });
    } catch (error) {
      giveUp(fresh, error);
    }
  }

  /** The client gives up after a few tries, and at once on errors that somebody must mend: it is started again. */
  function giveUp(failed: Client, error: unknown): void {
    if (failed !== client || stopping !== null) return;
    failures += 1;
    if (failures > QUIET_STARTS || !isMoving(error)) {
      options.onTrouble(busError(error, `topic ${topic}, group ${groupId}`));
    }
    client = null;
    joined = null;
    assigned = new Set();
    void failed.disconnect().catch(() => undefined);
    restart ??= setTimeout(() => void launch(), RESTART_MS);
  }

  async function fail(error: unknown): Promise<void> {
    settle.reject(error);
    await stop().catch(() => undefined);
  }

  function stop(): Promise<void> {
    stopping ??= (async () => {
      if (restart !== null) clearTimeout(restart);
      const held = [...slots.entries()].sort(([a], [b]) => a - b).map(([, slot]) => slot);
      await Promise.all(held.map((slot) => slot.halt()));
      await Promise.all(held.map((slot) => slot.leave()));
      slots.clear();
      await client?.disconnect().catch(() => undefined);
      settle.resolve();
    })();
    return stopping;
  }

  return {
    launched: launch(),
    stop,
    done,
    check: (partition) => slots.get(partition)?.check(),
    has: (partition) => assigned.has(partition),
    outOfRange(partition) {
      const looked = slots.get(partition)?.outOfRange();
      looked?.catch((error: unknown) => options.onTrouble(busError(error, `topic ${topic}`)));
    },
    async commit(partition, next) {
      const member = joined;
      if (member === null)
        throw new GatewatchError('bus_unavailable', `not a member of ${groupId}`, { transient: true });
      try {
        await member.commitOffsets([{ topic, partition, offset: String(next) }]);
      } catch (error) {
        throw busError(error, `group ${groupId}`);
      }
    },
  };
}
