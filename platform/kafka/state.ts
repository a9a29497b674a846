import { rmSync } from 'node:fs';
import { GatewatchError } from '../../schemas/errors.ts';
import type { Checkpoint, RowImage, StateStore } from '../ports.ts';
import { openEmbeddedState } from '../state/embedded.ts';
import { packRows } from '../state/pack-rows.ts';
import type { KafkaBus } from './bus.ts';

/** Version of the records on the changelog; the layout of a row is the detector's own number. */
const CHANGELOG_VERSION = 1;

/** First byte of a key: a row number alone could look like the client's mark of an aborted transaction (four zeroes). */
const ROW = 0x72;
const CHECKPOINT_KEY = Buffer.from('checkpoint');
const ROW_KEY_BYTES = 5;

/** Rows that one catching-up transaction of the local copy takes. */
const CATCH_UP_ROWS = 20_000;

export interface KafkaStateOptions {
  readonly bus: KafkaBus;
  /** Group whose offset a checkpoint commits. */
  readonly group: string;
  /** For the local copy. */
  readonly directory: string;
  /** Of the rows. */
  readonly layoutVersion: number;
}

/** What the changelog holds under CHECKPOINT_KEY. */
interface ChangelogCheckpoint extends Checkpoint {
  readonly v: number;
  readonly rows: number;
  readonly generation: string;
}

/** What the local copy keeps beside its rows. */
interface LocalMeta {
  /** Offset of the changelog behind what the copy holds. */
  readonly changelog: number;
  readonly checkpoint: ChangelogCheckpoint | null;
}

/**
 * Detector state on a compacted changelog topic, with a copy in LMDB so that a restart reads only what is new.
 *
 * `save` is one transaction of the partition's owner: rows, checkpoint and the group's offset; only then the copy. `load`
 * is called when the partition has been acquired, so that nobody else writes: it brings the copy up to the end of the
 * changelog, then reads it. A copy that another process overtook, or that is missing, costs time and nothing else.
 *
 * Rejects with `partition_lost`, with transient bus errors, and with `state_foreign` for another layout or generation.
 */
export async function openKafkaState(options: KafkaStateOptions): Promise<StateStore> {
  const { bus, group, directory, layoutVersion } = options;
  const copy = await openCopy(directory, bus.generation, layoutVersion);

  function localMeta(partition: number): LocalMeta {
    const stored = copy.checkpoint(partition);
    return stored === null ? { changelog: 0, checkpoint: null } : (JSON.parse(stored.meta) as LocalMeta);
  }

  function keep(partition: number, meta: LocalMeta, rows: Iterable<RowImage>): Promise<void> {
    return copy.save(partition, { nextOffset: meta.checkpoint?.nextOffset ?? 0, meta: JSON.stringify(meta) }, rows);
  }

  /** Applies to the copy what the changelog holds beyond it. */
  async function catchUp(partition: number): Promise<LocalMeta> {
    let meta = localMeta(partition);
    let rows = new Map<number, RowImage>();
    let seen = meta.changelog;
    async function flush(): Promise<void> {
      if (seen === meta.changelog) return;
      meta = { ...meta, changelog: seen };
      await keep(partition, meta, rows.values());
      rows = new Map();
    }
    seen = await bus.readCompacted('detector-state', partition, meta.changelog, async (records, next) => {
      for (const { key, value } of records) {
        if (key === null || value === null) continue;
        if (key[0] === ROW && key.length === ROW_KEY_BYTES) {
          const index = key.readUInt32BE(1);
          rows.set(index, { index, bytes: value });
        } else if (key.equals(CHECKPOINT_KEY)) {
          meta = { ...meta, checkpoint: JSON.parse(value.toString()) as ChangelogCheckpoint };
        }
      }
      seen = next;
      if (rows.size >= CATCH_UP_ROWS) await flush();
    });
    await flush();
    return meta;
  }

  return {
    savesOffset: true,
    async load(partition, onRow) {
      const { checkpoint } = await catchUp(partition);
      if (checkpoint === null) return null;
      checkForeign(checkpoint, bus.generation, layoutVersion);
      await copy.load(partition, onRow);
      return { nextOffset: checkpoint.nextOffset, meta: checkpoint.meta };
    },
    async save(partition, { nextOffset, meta }, dirty) {
      // The rows may change while this runs.
      const rows = packRows(dirty, (row) => row);
      const checkpoint = { v: CHANGELOG_VERSION, rows: layoutVersion, generation: bus.generation, nextOffset, meta };
      const records = rows.map(({ index, bytes }) => ({ key: rowKey(index), value: bytes }));
      records.push({ key: CHECKPOINT_KEY, value: Buffer.from(JSON.stringify(checkpoint)) });
      const changelog = await bus.saveOwned(group, 'events', partition, nextOffset, 'detector-state', records);
      await keep(partition, { changelog, checkpoint }, rows);
    },
    close: () => copy.close(),
  };
}

/** A copy of another generation or layout is worth nothing and is made anew. */
async function openCopy(directory: string, generation: string, layoutVersion: number) {
  try {
    return await openEmbeddedState({ directory, generation, layoutVersion });
  } catch (error) {
    if (!(error instanceof GatewatchError) || error.code !== 'state_foreign') throw error;
    rmSync(directory, { recursive: true, force: true });
    return openEmbeddedState({ directory, generation, layoutVersion });
  }
}

function checkForeign({ v, rows, generation }: ChangelogCheckpoint, wanted: string, layoutVersion: number): void {
  if (v === CHANGELOG_VERSION && rows === layoutVersion && generation === wanted) return;
  throw new GatewatchError(
    'state_foreign',
    `the detector's state on Kafka was written by another version (changelog ${v}, rows ${rows}) or for other logs: ` +
      'start with the version that wrote it, or with another kafka.topic_prefix: baselines are then learned again',
  );
}

function rowKey(index: number): Buffer {
  const key = Buffer.allocUnsafe(ROW_KEY_BYTES);
  key[0] = ROW;
  key.writeUInt32BE(index, 1);
  return key;
}
