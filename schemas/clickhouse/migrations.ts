import { DECISIONS_STATEMENTS } from './decisions.ts';
import { EVENTS_STATEMENTS } from './events.ts';

/**
 * The store's schema as numbered, forward-only steps. Never edit a released step; append one.
 *
 * They are modules and not .sql files, because the events table is generated from the event line's column list, and
 * because the compiler then carries them to wherever the program runs from.
 *
 * Every statement can be repeated harmlessly (IF NOT EXISTS, ADD COLUMN IF NOT EXISTS): a process killed between a
 * statement and the record of its step repeats the step, and two processes that start together do no damage.
 */
export interface Migration {
  readonly id: number;
  readonly name: string;
  readonly statements: readonly string[];
}

/** Which steps were taken. Created before all others. */
export const MIGRATIONS_TABLE = `CREATE TABLE IF NOT EXISTS migrations (
  id UInt32,
  name String,
  applied DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = MergeTree ORDER BY id`;

export const MIGRATIONS: readonly Migration[] = [
  { id: 1, name: 'events and hourly activity', statements: EVENTS_STATEMENTS },
  { id: 2, name: 'decisions and evidence', statements: DECISIONS_STATEMENTS },
];
