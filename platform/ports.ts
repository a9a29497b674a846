import type { Decision } from '../schemas/decision.ts';
import type { RowImage } from '../schemas/row-image.ts';
import type { Topic } from '../schemas/topics.ts';

export type { RowImage };

/** Wall time. The only way to ask for it; the detector never does. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
}

export interface BusRecord {
  readonly partition: number;
  readonly offset: number;
  readonly value: Buffer;
}

/** A small durable fact that travels with records: a source's raw position, an idempotency key, a store intent. */
export interface Mark {
  readonly key: string;
  /** null removes the mark. */
  readonly value: string | null;
}

export interface OutRecord {
  readonly topic: Topic;
  readonly partition: number;
  readonly value: Uint8Array;
}

export interface AppendOptions {
  /** Records and marks all become durable or none does, on every bus. Where that costs a transaction, it takes longer. */
  readonly atomic?: boolean;
}

/** How a group reads one topic. The three callbacks of one partition never overlap. */
export interface ConsumeOptions {
  readonly group: string;
  readonly topic: Topic;
  /**
   * The partition is ours now, a former owner can commit nothing any more: restore, then say at which offset to begin
   * (null: the group's committed one, else the first that there is).
   */
  onAssign(partition: number): Promise<number | null>;
  /** Records in offset order. The next batch comes when this one's promise is resolved; a rejection stops the consumer. */
  onRecords(partition: number, records: readonly BusRecord[]): Promise<void>;
  /** The partition is about to be somebody else's, or is so already: finish and commit; a refused commit is no fault. */
  onRevoke(partition: number): Promise<void>;
}

export interface Consumer {
  /** Finishes the batch in hand, calls onRevoke for every partition, and resolves. Idempotent. */
  stop(): Promise<void>;
  /** Rejects when the consumer died of an error; resolves after stop. */
  readonly done: Promise<void>;
}

/**
 * Ordered, partitioned logs.
 *
 * Delivery: `append` resolves when every record and mark is durable against SIGKILL (against power loss within 1 s, or
 * at once with `durability: fsync`). Records of one append to one partition keep their order. Marks are never durable
 * before the records that they travel with; in the embedded bus all of it is one transaction. A consumer sees every
 * record at least once, from the offset it names. At the byte cap, on a full disk or when a broker is away, `append`
 * rejects with a transient GatewatchError: the caller holds back and tries again. Of an append that was rejected by the
 * embedded bus, or was atomic, nothing is kept; else records may be there, and come twice when it is tried again.
 *
 * `commit` belongs to the owner of a partition. When another process has taken the partition over, or it is not known
 * whether the commit came about, it rejects with `partition_lost`, nothing more of the partition may be written, and the
 * bus assigns it anew: onRevoke, then onAssign if it is still ours.
 */
export interface Bus {
  partitions(topic: Topic): number;
  append(records: readonly OutRecord[], marks?: readonly Mark[], options?: AppendOptions): Promise<void>;
  /** Afterwards `getMark` and `marks` know everything that any process had made durable before the call. */
  syncMarks(): Promise<void>;
  getMark(key: string): string | null;
  /** Marks whose key begins with the prefix, in key order. */
  marks(prefix: string): Iterable<Mark & { readonly value: string }>;
  consume(options: ConsumeOptions): Promise<Consumer>;
  /** Offset, marks and records become durable together. */
  commit(
    group: string,
    topic: Topic,
    partition: number,
    nextOffset: number,
    marks?: readonly Mark[],
    records?: readonly OutRecord[],
  ): Promise<void>;
  committed(group: string, topic: Topic, partition: number): Promise<number | null>;
  /** Offset that the next record of the partition will get. */
  endOffset(topic: Topic, partition: number): Promise<number>;
  /** Records [from, to) of a partition, for tools that list or repeat. */
  read(topic: Topic, partition: number, from: number, maxRecords: number): Promise<BusRecord[]>;
  /** Bytes held by the log and its cap, for health; null when they are somebody else's to watch. */
  usage(): { readonly bytes: number; readonly capBytes: number } | null;
  /** Why the bus does not work at the moment; null when all is well. */
  trouble(): string | null;
  close(): Promise<void>;
}

/** A record of a topic that log shippers write. */
export interface RawRecord {
  readonly partition: number;
  readonly offset: number;
  /** When the broker or the producer says that it was written, ms since 1970. */
  readonly timestampMs: number;
  /** null: a tombstone. */
  readonly value: Buffer | null;
}

/** How a raw topic is read. Everything is seen at least once, from the committed offset on. */
export interface RawConsumeOptions {
  readonly groupId: string;
  readonly topic: string;
  /** Where a partition begins that the group never read. */
  readonly from: 'beginning' | 'end';
  onAssign(partition: number): Promise<void>;
  /** Records in offset order, one batch of a partition at a time. */
  onRecords(partition: number, records: readonly RawRecord[]): Promise<void>;
  onRevoke(partition: number): Promise<void>;
  /** Records [from, to) were removed by the topic's retention before they were read. */
  onGap(partition: number, from: number, to: number): void;
}

/** Topics that log shippers write. They are the operator's; a missing one is created. */
export interface RawLog {
  settle(topic: { readonly topic: string; readonly partitions: number; readonly retentionMs: number }): Promise<void>;
  consume(options: RawConsumeOptions): Promise<RawConsumer>;
}

export interface RawConsumer extends Consumer {
  /** Everything below `next` needs never be read again. */
  commit(partition: number, next: number): Promise<void>;
}

/** One insert: a table, the columns of its lines, and the lines as JSONCompactEachRow bytes. */
export interface Insert {
  readonly table: 'events' | 'decisions' | 'evidence';
  readonly columns: readonly string[];
  readonly rows: Buffer;
  /** Repeating an insert with the same token stores nothing a second time. */
  readonly token: string;
}

/**
 * Analytical storage. `insert` is one block, resolves when it survives SIGKILL, and is idempotent by token.
 * Errors are GatewatchErrors: transient ones (store away, disk full) may be retried with the same token; a permanent one
 * (`store_unavailable` with transient false) means that the rows themselves are refused.
 */
export interface EventStore {
  migrate(): Promise<void>;
  insert(insert: Insert): Promise<void>;
  /** Rows of a SELECT as objects. `params` are bound by name: {name:Type}. */
  query<T>(sql: string, params?: Readonly<Record<string, unknown>>): Promise<T[]>;
  /** Resolves when the store answers; rejects with the reason otherwise. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Detector state of one partition at one moment. Row bytes are opaque here. */
export interface Checkpoint {
  /** Offset of the first record that is not in the state. */
  readonly nextOffset: number;
  /** JSON: high marks, versions, counters. */
  readonly meta: string;
}

/**
 * Where detector state survives. `save` is all or nothing: rows, meta and offset of a partition become durable together;
 * on a shared bus together with the group's committed offset, and `partition_lost` says that the partition is not ours.
 * A state written by another generation or row layout is refused with `state_foreign`, which says what helps.
 */
export interface StateStore {
  /** Whether `save` also commits the group's offset. Else the caller does. */
  readonly savesOffset: boolean;
  load(partition: number, onRow: (row: RowImage) => void): Promise<Checkpoint | null>;
  save(partition: number, checkpoint: Checkpoint, rows: Iterable<RowImage>): Promise<void>;
  close(): Promise<void>;
}

/** The pure detector of one partition, as the stage that feeds it sees it. */
export interface PartitionEngine {
  /** Reads one block of `events`. Decisions come out in the order in which they arise. */
  apply(value: Buffer, onDecision: (decision: Decision) => void): { events: number; repeats: number };
  /** JSON of everything that is not in rows. */
  meta(): string;
  restoreMeta(meta: string): void;
  restoreRow(row: RowImage): void;
  /** Rows changed since the last call, and forgets that they changed. */
  takeDirtyRows(): Iterable<RowImage>;
  rowCount(): number;
}

/** Counters and gauges. Names and label values come from closed lists. */
export interface Metrics {
  count(name: string, labels: Readonly<Record<string, string>>, by: number): void;
  gauge(name: string, labels: Readonly<Record<string, string>>, value: number): void;
}

/** Structured log. Never gets a clear identity, a secret or a piece of a raw line. */
export interface Logger {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}
