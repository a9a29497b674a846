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

/** How a group reads one topic. The three callbacks of one partition never overlap. */
export interface ConsumeOptions {
  readonly group: string;
  readonly topic: Topic;
  /** The partition is ours now: restore, then say at which offset to begin (null: the group's committed one, else 0). */
  onAssign(partition: number): Promise<number | null>;
  /** Records in offset order. The next batch comes when this one's promise is resolved; a rejection stops the consumer. */
  onRecords(partition: number, records: readonly BusRecord[]): Promise<void>;
  /** The partition is about to be somebody else's: finish and commit. */
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
 * record at least once, from the offset it names. At the byte cap, or on a full disk, `append` rejects with a transient
 * GatewatchError (`log_full`, `disk_full`) and nothing of the append is kept: the caller holds back and tries again.
 */
export interface Bus {
  partitions(topic: Topic): number;
  append(records: readonly OutRecord[], marks?: readonly Mark[]): Promise<void>;
  getMark(key: string): string | null;
  /** Marks whose key begins with the prefix, in key order. */
  marks(prefix: string): Iterable<Mark & { readonly value: string }>;
  consume(options: ConsumeOptions): Promise<Consumer>;
  commit(group: string, topic: Topic, partition: number, nextOffset: number, marks?: readonly Mark[]): Promise<void>;
  committed(group: string, topic: Topic, partition: number): number | null;
  /** Offset that the next record of the partition will get. */
  endOffset(topic: Topic, partition: number): number;
  /** Records [from, to) of a partition, for tools that list or repeat. */
  read(topic: Topic, partition: number, from: number, maxRecords: number): BusRecord[];
  /** Bytes held by the log and its cap, for health. */
  usage(): { readonly bytes: number; readonly capBytes: number };
  close(): Promise<void>;
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
 * Where detector state survives. `save` is all or nothing: rows, meta and offset of a partition become durable together.
 * A state written by another generation or row layout is refused with `state_foreign`, which says what helps.
 */
export interface StateStore {
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
