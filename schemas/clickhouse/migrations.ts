import { DECISIONS_STATEMENTS } from './decisions.ts';
import { DEDUPLICATION_WINDOW_STATEMENTS } from './deduplication-window.ts';
import { EVENTS_STATEMENTS } from './events.ts';

/**
 * The store's schema as numbered, forward-only steps. Never edit a released step; append one.
 *
 * They are modules and not .sql files, because the events table is generated from the event line's column list, and
 * because the compiler then carries them to wherever the program runs from.
 *
 * Every statement can be repeated harmlessly (IF NOT EXISTS, ADD COLUMN IF NOT EXISTS, MODIFY SETTING): a process killed
 * between a statement and the record of its step repeats the step, and two processes that start together do no damage.
 */
export interface Migration {
  readonly id: number;
  readonly name: string;
  readonly statements: readonly string[];
}

/** Steps that a table of steps tells from each other, when several processes record the same one. */
const STEPS_REMEMBERED = 1000;

/**
 * Which steps were taken. Created before all others. The second statement is for tables that were made before the
 * setting: it changes nothing in the others.
 */
export const MIGRATIONS_TABLE: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS migrations (
  id UInt32,
  name String,
  applied DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = MergeTree ORDER BY id
SETTINGS non_replicated_deduplication_window = ${STEPS_REMEMBERED}`,
  `ALTER TABLE migrations MODIFY SETTING non_replicated_deduplication_window = ${STEPS_REMEMBERED}`,
];

/** Writes down that a step was taken: once, however many processes take it at the same time. */
export function recordStep({ id, name }: Pick<Migration, 'id' | 'name'>): string {
  const settings = `async_insert = 0, insert_deduplicate = 1, insert_deduplication_token = 'migration ${id}'`;
  return `INSERT INTO migrations (id, name) SETTINGS ${settings} VALUES (${id}, '${name}')`;
}

export const MIGRATIONS: readonly Migration[] = [
  { id: 1, name: 'events and hourly activity', statements: EVENTS_STATEMENTS },
  { id: 2, name: 'decisions and evidence', statements: DECISIONS_STATEMENTS },
  { id: 3, name: 'longer memory for tokens', statements: DEDUPLICATION_WINDOW_STATEMENTS },
];
