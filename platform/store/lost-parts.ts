import { appendFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EventStore } from '../ports.ts';

/** What the repair needs of a store. */
export interface LostPartsRunner extends Pick<EventStore, 'query'> {
  command(sql: string): Promise<void>;
}

const LOGS = 'deduplication_logs';
const LOG_NAME = /^deduplication_log_(\d+)\.txt$/;
/** Operation, part and block id, as MergeTreeDeduplicationLog of ClickHouse writes them. */
const ADDED = '1';
const DROPPED = '2';
/** partition_min_max_level, perhaps with a mutation. */
const PART_NAME = /^(.+)_(\d+)_(\d+)_(\d+)(?:_\d+)?$/;

interface Part {
  readonly partition: string;
  readonly min: string;
  readonly max: string;
}

/**
 * Makes a table forget the tokens of inserts whose rows it does not have; returns how many there were. To be called after
 * opening, before the first insert.
 *
 * ClickHouse writes the token of an insert to the table's deduplication log first and moves the rows into place then
 * (MergeTreeSink, engine 26.7). A process killed in between has the token and not the rows, and would take the repeated
 * insert for one that it has: the rows would be lost. This happened to one in some hundred kills during an insert.
 *
 * A token of the log whose part is covered by none of the table's is written down as dropped, as ClickHouse itself does
 * when it removes a part; the table is taken out and put back in, so that it reads the log anew. A kill during that leaves
 * the table as it was. Parts that are gone because their time was over count as lost as well: nobody repeats their insert.
 */
export async function forgetLostParts({ query, command }: LostPartsRunner): Promise<number> {
  const tables = await query<{ name: string; path: string }>(
    `SELECT name, data_paths[1] AS path FROM system.tables
     WHERE database = currentDatabase() AND engine LIKE '%MergeTree'`,
  );
  let forgotten = 0;
  for (const { name, path } of tables) {
    const log = await readLog(join(path, LOGS));
    if (log === null) continue;
    // Parts that a merge has replaced and that are still there count too.
    const parts = await query<Part>(
      `SELECT partition_id AS partition, min_block_number AS min, max_block_number AS max FROM system.parts
       WHERE database = currentDatabase() AND table = {table:String}`,
      { table: name },
    );
    const lost = [...log.tokens].filter(([, part]) => !isCovered(part, parts));
    if (lost.length === 0) continue;
    await command(`DETACH TABLE ${name}`);
    try {
      await appendFile(log.newest, lost.map(([id, part]) => `${DROPPED}\t${part}\t${id}\n`).join(''));
    } finally {
      await command(`ATTACH TABLE ${name}`);
    }
    forgotten += lost.length;
  }
  return forgotten;
}

/** Block ids that count as stored, with the part of each; null when the table keeps none. */
async function readLog(directory: string): Promise<{ tokens: Map<string, string>; newest: string } | null> {
  const names = await readdir(directory).catch(() => []);
  const files = names
    .map((name) => ({ name, number: Number(LOG_NAME.exec(name)?.[1] ?? Number.NaN) }))
    .filter(({ number }) => !Number.isNaN(number))
    .sort((a, b) => a.number - b.number);
  const newest = files.at(-1);
  if (newest === undefined) return null;
  const tokens = new Map<string, string>();
  for (const { name } of files) {
    const text = await readFile(join(directory, name), 'utf8');
    // What stands behind the last line end is a line that a kill cut.
    for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
      const [operation, part, id] = line.split('\t');
      if (part === undefined || id === undefined) continue;
      if (operation === ADDED) tokens.set(id, part);
      else tokens.delete(id);
    }
  }
  return { tokens, newest: join(directory, newest.name) };
}

/** Whether the rows of a part are in one of the others, by its block numbers. A name of another form is left alone. */
function isCovered(name: string, parts: readonly Part[]): boolean {
  const [, partition, min, max] = PART_NAME.exec(name) ?? [];
  if (min === undefined || max === undefined) return true;
  return parts.some(
    (part) => part.partition === partition && BigInt(part.min) <= BigInt(min) && BigInt(max) <= BigInt(part.max),
  );
}
