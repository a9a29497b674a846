import { GatewatchError } from '../../schemas/errors.ts';
import type { Table, Write } from '../lmdb/writes.ts';
import type { OutRecord } from '../ports.ts';
import type { GroupOffsets } from './group-offsets.ts';
import { encodeRecord, footprint, type RecordHeader, recordKey } from './log-format.ts';
import { type Extent, encodeExtent, type PartitionLog } from './partition-log.ts';
import { DEAD_LETTER_RETENTION_MS, type Pool, poolLimit, poolOf } from './topic-rules.ts';

/** The log first: dead letters are not to be dropped for an append that the log then refuses. */
const POOLS: readonly Pool[] = ['log', 'dead-letter'];

/** Records that one transaction removes at most, so that it stays short. */
const MAX_TRIM_RECORDS = 10_000;

export interface PlanContext {
  readonly logs: readonly PartitionLog[];
  readonly groups: GroupOffsets;
  readonly extents: Table;
  /** Headers of first records as last read, kept from plan to plan. */
  readonly heads: Map<PartitionLog, RecordHeader & { readonly offset: number }>;
  readonly capBytes: number;
  readonly retentionMs: number;
  /** Now, ms. */
  readonly time: number;
}

/**
 * What one transaction will do to the log: records with their offsets, and what is trimmed to make room. Nothing of it
 * counts until `publish`. Only records that are already committed can be trimmed.
 */
export interface WritePlan {
  readonly writes: Write[];
  /** Adds all records, or none and says why. */
  add(records: readonly { log: PartitionLog; record: OutRecord }[]): GatewatchError | null;
  /** Trims what is committed and past its time. True when there is more than one transaction should remove. */
  trimOld(): boolean;
  /** Completes `writes`, and hides from readers what they remove. */
  seal(): void;
  /** Makes the plan the state of the log. Returns how many dead letters were dropped. */
  publish(): number;
  /** The transaction failed: everything is as it was. */
  discard(): void;
}

interface Draft {
  start: number;
  end: number;
  startBytes: number;
  endBytes: number;
}

export function planWrites(context: PlanContext): WritePlan {
  const { logs, groups, heads, capBytes, time } = context;
  const drafts = new Map<PartitionLog, Draft>();
  const writes: Write[] = [];
  const used: Record<Pool, number> = { log: 0, 'dead-letter': 0 };
  for (const { topic, extent } of logs) used[poolOf(topic)] += extent.endBytes - extent.startBytes;
  let removed = 0;
  let dropped = 0;

  const draftOf = (log: PartitionLog): Draft => {
    const known = drafts.get(log);
    if (known !== undefined) return known;
    const draft = { ...log.extent };
    drafts.set(log, draft);
    return draft;
  };

  /** First record that may be removed: a dead letter, or a record that every group has committed past. */
  function head(log: PartitionLog): RecordHeader | null {
    const { start } = drafts.get(log) ?? log.extent;
    const limit = log.topic === 'dead-letter' ? log.extent.end : groups.floor(log.topic, log.partition);
    if (start >= Math.min(limit, log.extent.end)) return null;
    const known = heads.get(log);
    if (known?.offset === start) return known;
    const header = { ...log.header(start), offset: start };
    heads.set(log, header);
    return header;
  }

  function remove(log: PartitionLog, header: RecordHeader): void {
    const draft = draftOf(log);
    writes.push({ table: log.records, key: recordKey(draft.start), value: null });
    draft.start += 1;
    draft.startBytes = header.bytesBefore + header.bytes;
    used[poolOf(log.topic)] -= header.bytes;
    removed += 1;
    if (log.topic === 'dead-letter') dropped += 1;
  }

  /** Removes the oldest removable records of the pool until `bytes` more fit under the limit. */
  function makeRoom(pool: Pool, bytes: number, limit: number): boolean {
    while (used[pool] + bytes > limit) {
      let oldest: { log: PartitionLog; header: RecordHeader } | null = null;
      for (const log of logs) {
        const header = poolOf(log.topic) === pool ? head(log) : null;
        if (header !== null && (oldest === null || header.time < oldest.header.time)) oldest = { log, header };
      }
      if (oldest === null || removed >= MAX_TRIM_RECORDS) return false;
      remove(oldest.log, oldest.header);
    }
    return true;
  }

  function put(log: PartitionLog, record: OutRecord): void {
    const draft = draftOf(log);
    const bytes = footprint(record.value.length);
    const value = encodeRecord(time, draft.endBytes, record.value);
    writes.push({ table: log.records, key: recordKey(draft.end), value, append: true });
    draft.end += 1;
    draft.endBytes += bytes;
    used[poolOf(log.topic)] += bytes;
  }

  return {
    writes,
    add(batch) {
      const demands = POOLS.map((pool) => demand(pool, batch, capBytes));
      for (const { bytes, limit } of demands) if (bytes > limit) return neverFits(bytes, capBytes);
      for (const { pool, bytes, limit } of demands) {
        if (bytes > 0 && !makeRoom(pool, bytes, limit)) return full(bytes, capBytes);
      }
      for (const { log, record } of batch) put(log, record);
      return null;
    },
    trimOld() {
      for (const log of logs) {
        const keepMs = log.topic === 'dead-letter' ? DEAD_LETTER_RETENTION_MS : context.retentionMs;
        for (let header = head(log); header !== null && header.time < time - keepMs; header = head(log)) {
          if (removed >= MAX_TRIM_RECORDS) return true;
          remove(log, header);
        }
      }
      return false;
    },
    seal() {
      for (const [log, draft] of drafts) {
        log.readableFrom = draft.start;
        if (draft.start < draft.end) continue;
        writes.push({ table: context.extents, key: log.extentKey, value: encodeExtent(draft) });
      }
    },
    publish() {
      for (const [log, draft] of drafts) {
        log.extent = draft satisfies Extent;
        log.changed();
      }
      return dropped;
    },
    discard() {
      for (const log of drafts.keys()) log.readableFrom = log.extent.start;
    },
  };
}

/** What an append asks of a pool. The limit is that of its most restricted topic. */
function demand(pool: Pool, batch: readonly { record: OutRecord }[], capBytes: number) {
  const own = batch.filter(({ record }) => poolOf(record.topic) === pool);
  return {
    pool,
    bytes: own.reduce((sum, { record }) => sum + footprint(record.value.length), 0),
    limit: Math.min(...own.map(({ record }) => poolLimit(record.topic, capBytes))),
  };
}

function full(bytes: number, capBytes: number): GatewatchError {
  const message = `no room for ${bytes} bytes until consumers catch up; the log's cap is ${capBytes} bytes`;
  return new GatewatchError('log_full', message, { transient: true });
}

function neverFits(bytes: number, capBytes: number): GatewatchError {
  return new GatewatchError(
    'log_full',
    `${bytes} bytes in one go never fit into a log of ${capBytes} bytes: raise the cap`,
  );
}
