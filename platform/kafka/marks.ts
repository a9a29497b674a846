import { GatewatchError } from '../../schemas/errors.ts';
import { checkMark, markWrite, readMark, readMarks } from '../bus/marks.ts';
import { openEnvironment } from '../lmdb/environment.ts';
import { agreeOnManifest } from '../lmdb/manifest.ts';
import type { Write } from '../lmdb/writes.ts';
import type { Mark } from '../ports.ts';
import { inTurn } from '../store/turn.ts';
import type { LogReader } from './log-reader.ts';
import type { Outgoing } from './producer.ts';

/** The compacted topic's partitions, one for each kind of mark, so that a process reads only the kinds that it uses. */
const KINDS = ['general', 'store', 'idempotency'] as const;
export type MarkKind = (typeof KINDS)[number];
export const MARK_PARTITIONS = KINDS.length;

/** Marks of files belong to the machine that holds the files: they stay in the data directory. */
const LOCAL_PREFIX = 'file/';
const STORE_PREFIX = 'store/';
const IDEMPOTENCY_PREFIX = 'idem/';

/** Half a million idempotency keys take about 150 MB; beyond the reservation LMDB grows by itself. */
const MAP_BYTES = 256 * 1024 * 1024;

export interface Marks {
  /** Reads what is durable and not hidden behind an open transaction. */
  sync(): Promise<void>;
  /** Reads everything that any process had made durable before the call; waits for transactions that hide some of it. */
  syncAll(): Promise<void>;
  get(key: string): string | null;
  list(prefix: string): (Mark & { readonly value: string })[];
  /** Records that make the marks durable for everybody; those of this machine are left out. */
  outgoing(marks: readonly Mark[]): Outgoing[];
  /** Makes the marks of this machine durable. To be called when the records that they travel with are. */
  keepLocal(marks: readonly Mark[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * Marks as this process knows them: a copy in LMDB of the compacted topic, so that a restart reads only what is new.
 * Rejects with `state_foreign` when the directory holds the marks of another cluster.
 */
export async function openMarks(options: {
  reader: LogReader;
  topic: string;
  directory: string;
  clusterId: string;
  kinds: readonly MarkKind[];
}): Promise<Marks> {
  const { reader, topic, directory, kinds } = options;
  const advice = 'Start with another data directory, or with the cluster that this one belongs to.';
  const environment = await openEnvironment({
    directory,
    tables: ['marks', 'positions'],
    mapBytes: MAP_BYTES,
    deferMeta: true,
    agree: (found) => agreeOnManifest(directory, found, { cluster: options.clusterId, topic }, advice),
  });
  const marks = environment.table('marks');
  const positions = environment.table('positions');
  const turn = inTurn();

  async function syncPartition(partition: number): Promise<void> {
    const key = Buffer.from(String(partition));
    const known = Number(positions.getBinary(key)?.toString() ?? 0);
    const { start, end } = await reader.bounds(topic, partition);
    if (end < known) throw new GatewatchError('state_foreign', `topic ${topic} was made anew. ${advice}`);
    if (end === known) return;
    const next = await reader.read(topic, partition, Math.max(known, start), end, async (records) => {
      const writes: Write[] = records.map(({ key: name, value }) => ({
        table: marks,
        key: name ?? Buffer.alloc(0),
        value,
      }));
      const position = Buffer.from(String((records.at(-1)?.offset ?? known) + 1));
      await environment.commit([
        ...writes.filter((write) => write.key.length > 0),
        { table: positions, key, value: position },
      ]);
    });
    await environment.commit([{ table: positions, key, value: Buffer.from(String(next)) }]);
  }

  /** A reading that has not begun yet: it will know all that those who ask meanwhile want to know. */
  let waiting: Promise<void> | null = null;
  function sync(): Promise<void> {
    waiting ??= turn(async () => {
      waiting = null;
      for (const kind of kinds) await syncPartition(KINDS.indexOf(kind));
    });
    return waiting;
  }

  return {
    sync,
    async syncAll() {
      await Promise.all(kinds.map((kind) => reader.settled(topic, KINDS.indexOf(kind))));
      await sync();
    },
    get: (key) => readMark(marks, key),
    list: (prefix) => readMarks(marks, prefix),
    outgoing(all) {
      all.forEach(checkMark);
      return all.filter(({ key }) => !key.startsWith(LOCAL_PREFIX)).map((mark) => record(topic, mark));
    },
    async keepLocal(all) {
      const local = all.filter(({ key }) => key.startsWith(LOCAL_PREFIX));
      if (local.length > 0) await environment.commit(local.map((mark) => markWrite(marks, mark)));
    },
    close: () => turn(() => environment.close()),
  };
}

function record(topic: string, { key, value }: Mark): Outgoing {
  const kind = key.startsWith(STORE_PREFIX) ? 'store' : key.startsWith(IDEMPOTENCY_PREFIX) ? 'idempotency' : 'general';
  return {
    topic,
    partition: KINDS.indexOf(kind),
    key: Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
  };
}
