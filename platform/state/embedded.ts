import { setImmediate as nextTurn } from 'node:timers/promises';
import { openEnvironment } from '../lmdb/environment.ts';
import { agreeOnManifest } from '../lmdb/manifest.ts';
import type { Write } from '../lmdb/writes.ts';
import type { Checkpoint, RowImage, StateStore } from '../ports.ts';
import { packRows } from './pack-rows.ts';

/** Version of what is below; the layout of a row is the detector's own number. */
const STATE_LAYOUT_VERSION = 1;

/** A million rows of 1 KB with LMDB's page overhead; beyond that LMDB grows the mapping by itself. */
const MAP_BYTES = 2 * 1024 ** 3;

/** Rows handed over between two turns of the event loop while loading. */
const LOAD_SLICE_ROWS = 4_096;

const MAX_PARTITION = 0xffff;
const MAX_INDEX = 0xffff_ffff;
const KEY_BYTES = 6;

export interface EmbeddedStateOptions {
  /** A directory of its own; created when it does not exist. */
  readonly directory: string;
  /** Of the log whose offsets the checkpoints hold. */
  readonly generation: string;
  /** Of the rows. */
  readonly layoutVersion: number;
}

/** The checkpoint can be asked for without the rows. */
export interface EmbeddedState extends StateStore {
  checkpoint(partition: number): Checkpoint | null;
}

/**
 * Detector state in an LMDB environment: one key per row (partition 2 bytes, row number 4, big-endian) and one per
 * checkpoint.
 *
 * `save` is one transaction and is on the disk when it resolves. It copies the rows before it returns to the event loop,
 * so they may change while it runs. It may be called for several partitions at once. Rejects with `disk_full`
 * (transient: the former checkpoint stands) or `store_unavailable`.
 *
 * Rejects with `store_locked` (another process has the directory) and `state_foreign` (another generation or layout).
 */
export async function openEmbeddedState(options: EmbeddedStateOptions): Promise<EmbeddedState> {
  const { directory, generation, layoutVersion } = options;
  const environment = await openEnvironment({
    directory,
    tables: ['rows', 'checkpoints'],
    mapBytes: MAP_BYTES,
    deferMeta: false,
    agree: (found) =>
      agreeOnManifest(
        directory,
        found,
        { layout: STATE_LAYOUT_VERSION, generation, rows: layoutVersion },
        'Start with the log and the version that made this state, or delete the directory: baselines are then learned again from what the log still holds.',
      ),
  });
  const rows = environment.table('rows');
  const checkpoints = environment.table('checkpoints');

  function checkpoint(partition: number): Checkpoint | null {
    const stored = checkpoints.getBinary(checkpointKey(partition));
    return stored === undefined ? null : (JSON.parse(stored.toString('utf8')) as Checkpoint);
  }

  return {
    savesOffset: false,
    checkpoint,
    async load(partition, onRow) {
      const stored = checkpoint(partition);
      if (stored === null) return null;
      const end = rowKey(partition, MAX_INDEX);
      for (let from: number | null = 0; from !== null; ) {
        let count = 0;
        let next: number | null = null;
        const range = { start: rowKey(partition, from), end, inclusiveEnd: true, limit: LOAD_SLICE_ROWS };
        for (const { key, value } of rows.getRange(range)) {
          const index = indexOf(key);
          onRow({ index, bytes: value });
          count += 1;
          if (count === LOAD_SLICE_ROWS && index < MAX_INDEX) next = index + 1;
        }
        from = next;
        if (from !== null) await nextTurn();
      }
      return stored;
    },
    async save(partition, { nextOffset, meta }, dirty) {
      const writes: Write[] = packRows(dirty, ({ index, bytes }) => ({
        table: rows,
        key: rowKey(partition, index),
        value: bytes,
      }));
      const value = Buffer.from(JSON.stringify({ nextOffset, meta } satisfies Checkpoint));
      writes.push({ table: checkpoints, key: checkpointKey(partition), value });
      await environment.commit(writes);
    },
    close: () => environment.close(),
  };
}

function rowKey(partition: number, index: RowImage['index']): Buffer {
  if (!Number.isInteger(index) || index < 0 || index > MAX_INDEX) throw new RangeError(`no row number: ${index}`);
  const key = Buffer.allocUnsafe(KEY_BYTES);
  checkpointKey(partition).copy(key);
  key.writeUInt32BE(index, 2);
  return key;
}

function checkpointKey(partition: number): Buffer {
  if (!Number.isInteger(partition) || partition < 0 || partition > MAX_PARTITION) {
    throw new RangeError(`no partition: ${partition}`);
  }
  const key = Buffer.allocUnsafe(2);
  key.writeUInt16BE(partition, 0);
  return key;
}

function indexOf(key: Uint8Array): number {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).readUInt32BE(2);
}
