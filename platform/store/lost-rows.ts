import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { EventStore, Insert } from '../ports.ts';
import { INSERT_SETTINGS, type RowsToSend } from './clickhouse.ts';

export interface LostRowsOptions extends Pick<EventStore, 'query'> {
  command(sql: string): Promise<void>;
  sendRows(insert: RowsToSend): Promise<void>;
  /** Hears that rows were missing and are back. */
  onRestored?(insert: Pick<Insert, 'table' | 'token'>): void;
}

/** Carries an insert out by `send`, and sees to it that its rows are there afterwards. */
export type GuardedInsert = (insert: Insert, send: () => Promise<void>) => Promise<void>;

/** What finds a row of an insert in its table: the table's sorting key, so that a look costs a few milliseconds. */
const KEYS: Readonly<Record<Insert['table'], readonly string[]>> = {
  events: ['tenant', 'identity', 'received', 'source', 'position'],
  decisions: ['tenant', 'time', 'id'],
  evidence: ['tenant', 'time', 'decision', 'channel'],
};
const TIMES = new Set(['received', 'time']);
const NUMBERS = new Set(['source', 'position']);

const DAY_MS = 86_400_000;
const UINT64_MAX = 2n ** 64n - 1n;
/** Tokens of the stages: `...:first-next`. Whoever repeats one of them repeats its rows as they were. */
const TOKEN = /:\d+-\d+$/;
/** The numbers at the beginning of a row, in full: JSON.parse would round those above 2^53. */
const LEADING_NUMBERS = /^\[(\d{1,20}(?:,\d{1,20})*),/;
/** Texts that ClickHouse and JSON.parse read alike beyond doubt. Pseudonyms, ids and tenants are of this kind. */
const PLAIN = /^[\w.:+/=-]*$/;
/** After what time rows that were not found are looked for once more, before they count as lost. */
const SECOND_LOOK_MS = 1_000;

/**
 * Guards against inserts that a server has the token of and not the rows.
 *
 * A server writes the token of an insert to a plain table's log before it moves the rows into place (MergeTreeSink, engine
 * 26.7). Killed in between, it takes the repeated insert for one that it has. The log lies on the server's disk, where
 * nobody but the server can mend it (as lost-parts.ts does for the engine in this process). So the rows are looked for
 * instead: a block is stored whole or not at all, so one row of each day tells. What is missing is stored in a table of
 * its own and moved over, which the tokens do not see and the view of the roll-up does not count: the view had got its
 * rows by the repeat.
 *
 * Every insert is looked at: only the bus knows which ones are repeats, and a look by the sorting key costs some
 * milliseconds where the insert takes twenty at least. Inserts under tokens of another form than the stages' are left
 * alone: other rows under a token that was used would be taken for lost ones.
 *
 * Misses: rows lost in the same way between the token and the part of the roll-up's table alone, which cannot be told
 * from sums; and two processes that restore the same insert at the same moment, which the bus keeps from happening.
 */
export function guardAgainstLostRows(options: LostRowsOptions): GuardedInsert {
  return async (insert, send) => {
    await send();
    if (TOKEN.test(insert.token)) await restoreMissing(options, insert);
  };
}

async function restoreMissing(options: LostRowsOptions, insert: Insert): Promise<void> {
  for (const rows of byDay(insert)) {
    const key = keyOf(insert, rows.toString('utf8', 0, lineEnd(rows, 0)));
    if (key === null || (await isThere(options, insert.table, insert, key))) continue;
    // Another process may be storing the same insert just now.
    await wait(SECOND_LOOK_MS);
    if (await isThere(options, insert.table, insert, key)) continue;
    await restore(options, insert, rows, key);
  }
}

type Key = Readonly<Record<string, string>>;

async function isThere(options: LostRowsOptions, where: string, { table }: Insert, key: Key): Promise<boolean> {
  const conditions = KEYS[table].map((name) => {
    if (TIMES.has(name)) return `${name} = fromUnixTimestamp64Milli({${name}:Int64})`;
    return `${name} = {${name}:${NUMBERS.has(name) ? 'UInt64' : 'String'}}`;
  });
  const [row] = await options.query<{ rows: string }>(
    `SELECT count() AS rows FROM ${where} WHERE ${conditions.join(' AND ')}`,
    key,
  );
  return Number(row?.rows) > 0;
}

/** The values of a row's key; null when it is not of the form that we write. */
function keyOf({ table, columns }: Insert, line: string): Key | null {
  const leading = LEADING_NUMBERS.exec(line)?.[1]?.split(',') ?? [];
  const row = parsed(line);
  const values: Record<string, string> = {};
  for (const name of KEYS[table]) {
    const at = columns.indexOf(name);
    const value = leading[at] ?? row?.[at];
    const text = String(value);
    const isNumber = TIMES.has(name) || NUMBERS.has(name);
    if (
      isNumber ? !/^\d{1,20}$/.test(text) || BigInt(text) > UINT64_MAX : typeof value !== 'string' || !PLAIN.test(value)
    ) {
      return null;
    }
    values[name] = text;
  }
  return values;
}

function parsed(line: string): readonly unknown[] | null {
  try {
    const row: unknown = JSON.parse(line);
    return Array.isArray(row) ? row : null;
  } catch {
    return null;
  }
}

/** The rows of each day of receipt: each day is a block of its own. Other tables have the moment of storing. */
function byDay({ table, rows }: Insert): Buffer[] {
  if (table !== 'events') return [rows];
  const days = new Map<number, Buffer[]>();
  let runDay = dayOf(rows, 0);
  let runStart = 0;
  for (let at = 0; at < rows.length; ) {
    at = lineEnd(rows, at);
    const day = at < rows.length ? dayOf(rows, at) : null;
    if (day === runDay) continue;
    days.set(runDay, [...(days.get(runDay) ?? []), rows.subarray(runStart, at)]);
    runDay = day ?? runDay;
    runStart = at;
  }
  return [...days.values()].map((runs) => (runs.length === 1 ? (runs[0] as Buffer) : Buffer.concat(runs)));
}

/** Day of receipt of the row that begins at `at`: the milliseconds are its first number. */
function dayOf(rows: Buffer, at: number): number {
  let ms = 0;
  for (let i = at + 1; i < rows.length; i++) {
    const digit = (rows[i] as number) - 48;
    if (digit < 0 || digit > 9) break;
    ms = ms * 10 + digit;
  }
  return Math.floor(ms / DAY_MS);
}

function lineEnd(rows: Buffer, from: number): number {
  const at = rows.indexOf(10, from);
  return at < 0 ? rows.length : at + 1;
}

/**
 * Stores the rows of one block. In the table of its own their key must be found, else they are not what was looked for
 * (ClickHouse read them in another way than we did, or their time is over) and nothing is moved.
 *
 * A kill in between leaves that table behind; the repeat, which comes under the same token, begins it anew.
 */
async function restore(options: LostRowsOptions, insert: Insert, rows: Buffer, key: Key): Promise<void> {
  const { query, command } = options;
  const { table, columns, token } = insert;
  const own = `restored_${createHash('sha256').update(`${table} ${token}`).digest('hex').slice(0, 16)}`;
  await command(`DROP TABLE IF EXISTS ${own} SYNC`);
  await command(`CREATE TABLE ${own} AS ${table}`);
  await options.sendRows({ table: own, columns, rows, settings: INSERT_SETTINGS });
  if (await isThere(options, own, insert, key)) {
    const [partition] = await query<{ id: string }>(`SELECT DISTINCT _partition_id AS id FROM ${own}`);
    await command(`ALTER TABLE ${own} MOVE PARTITION ID '${partition?.id}' TO TABLE ${table}`);
    options.onRestored?.(insert);
  }
  await command(`DROP TABLE ${own} SYNC`);
}
