import { encodeDeadLetter } from '../../schemas/dead-letter.ts';
import { GatewatchError } from '../../schemas/errors.ts';
import type { Topic } from '../../schemas/topics.ts';
import type { Bus, EventStore, Logger, Metrics, OutRecord } from '../ports.ts';
import type { BatchInsert } from './batch.ts';
import type { Retry } from './retry.ts';
import { type Intent, intentMark, stateMark } from './stored-state.ts';

/** Dead letters in one append, at most 11 KB each. The last of a batch travel with its commit. */
const DEAD_LETTERS_PER_APPEND = 500;

export interface StoreBatchOptions {
  readonly bus: Bus;
  readonly store: EventStore;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly topic: Topic;
  readonly group: string;
  /** Tells this installation's data from that of an earlier one in the same store. */
  readonly generation: string;
}

/** A cut batch: the records [first, next) of a partition. */
export interface CutBatch {
  readonly partition: number;
  readonly first: number;
  readonly next: number;
  readonly inserts: readonly BatchInsert[];
  /** Marks after these records. */
  readonly marks: unknown;
  /** The intent when this batch repeats one. */
  readonly repeats: Intent | null;
}

/**
 * Stores one batch exactly once: intent, inserts, commit, each durable before the next begins. Interrupted anywhere and
 * repeated with the same records, it stores nothing twice: an insert that had happened is told by its token, and before
 * the intent nothing had.
 *
 * Rows that ClickHouse refuses are found by halves and go to the dead letter, in the transaction of the commit; the rest
 * of the batch is stored. One bad line in n costs about 2 log2(n) inserts.
 */
export async function storeBatch(options: StoreBatchOptions, retry: Retry, batch: CutBatch): Promise<void> {
  const { bus, store, topic, group } = options;
  const { partition, first, next, inserts } = batch;
  const token = `${options.generation}:${partition}:${first}-${next}`;
  let divided = batch.repeats?.divided ?? [];

  // A commit, though the offset stays: only the owner of the partition may make one.
  const intend = () =>
    retry('intent', () =>
      bus.commit(group, topic, partition, first, [intentMark(topic, partition, { first, next, divided })]),
    );

  /** Whether the store took the rows; false says that it refuses them. */
  function accepted(insert: BatchInsert, rows: Buffer, rowsToken: string): Promise<true | GatewatchError> {
    return retry('insert', async () => {
      try {
        await store.insert({ table: insert.table, columns: insert.columns, rows, token: rowsToken });
        return true;
      } catch (error) {
        if (error instanceof GatewatchError && !error.transient) return error;
        throw error;
      }
    });
  }

  /** Stores the lines that can be stored; gives the others, with what the store said. */
  async function storeInPieces(insert: BatchInsert): Promise<Refused[]> {
    const starts = lineStarts(insert.rows);
    const refused: Refused[] = [];
    async function piece(from: number, to: number): Promise<void> {
      const rows = insert.rows.subarray(starts[from], starts[to]);
      const answer = await accepted(insert, rows, `${token}:${from}-${to}`);
      if (answer === true) return;
      if (to - from === 1) refused.push({ insert, line: rows.subarray(0, -1), why: answer.message });
      else await halves(from, to);
    }
    async function halves(from: number, to: number): Promise<void> {
      const middle = Math.floor((from + to) / 2);
      if (middle > from) await piece(from, middle);
      await piece(middle, to);
    }
    await halves(0, starts.length - 1);
    return refused;
  }

  if (inserts.length > 0 && batch.repeats === null) await intend();
  const refused: Refused[] = [];
  for (const insert of inserts) {
    if (!divided.includes(insert.table)) {
      if ((await accepted(insert, insert.rows, token)) === true) continue;
      divided = [...divided, insert.table];
      await intend();
    }
    refused.push(...(await storeInPieces(insert)));
  }

  const state = stateMark(topic, partition, { next, marks: batch.marks });
  const letters = refused.map((line) => deadLetter(line, options, partition));
  while (letters.length > DEAD_LETTERS_PER_APPEND) {
    const some = letters.splice(0, DEAD_LETTERS_PER_APPEND);
    await retry('dead letter', () => bus.append(some));
  }
  await retry('commit', () => bus.commit(group, topic, partition, next, [state], letters));
  report(options, batch, refused);
}

interface Refused {
  readonly insert: BatchInsert;
  readonly line: Buffer;
  readonly why: string;
}

function deadLetter({ insert, line, why }: Refused, options: StoreBatchOptions, partition: number): OutRecord {
  return {
    topic: 'dead-letter',
    partition: partition % options.bus.partitions('dead-letter'),
    value: encodeDeadLetter({ reason: 'store_refused', why, sourceName: null, ...insert.describe(line) }, line),
  };
}

function report(options: StoreBatchOptions, batch: CutBatch, refused: readonly Refused[]): void {
  const lines = batch.inserts.reduce((sum, insert) => sum + insert.lines, 0);
  options.metrics.count('gatewatch_store_rows_total', {}, lines - refused.length);
  if (refused.length === 0) return;
  options.metrics.count('gatewatch_dead_letter_total', { reason: 'store_refused' }, refused.length);
  options.log.error(
    { topic: options.topic, partition: batch.partition, lines: refused.length },
    `lines went to the dead letter: ${refused[0]?.why}`,
  );
}

/** Offsets at which lines begin, and the end of the last one. */
function lineStarts(rows: Buffer): number[] {
  const starts = [0];
  for (let end = rows.indexOf(10); end >= 0; end = rows.indexOf(10, end + 1)) starts.push(end + 1);
  return starts;
}
