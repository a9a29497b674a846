/**
 * How many of the latest blocks each table remembers, to tell a repeated insert from a new one.
 *
 * The longest absence after which an insert may come again is a writer that was paused (SIGSTOP, a suspended virtual
 * machine) and wakes: ten minutes are covered. A partition of the bus is one insert in five seconds when little happens
 * (the wait of a batch), and more often only when its batch is full: then all partitions together cut 128 MiB at a time,
 * each at its share. One insert is one block for each day of receipt that it holds, two around midnight.
 *
 *     32 partitions / 5 s x 600 s x 2 days                      =  7,680 blocks
 *     128 partitions / 5 s x 600 s x 2 days                     = 30,720
 *     32 partitions, 100,000 events a second of 460 bytes,
 *     4 MiB an insert: 11 inserts a second x 600 s x 2 days     = 13,200
 *
 * A remembered block takes some 300 bytes of the server's memory: 12 MB a table.
 */
export const LONG_DEDUPLICATION_WINDOW = 40_000;

/** The tables that inserts with tokens reach, `activity_hourly` through its view. */
const DEDUPLICATED_TABLES = ['events', 'activity_hourly', 'decisions', 'evidence'] as const;

/** What a table has remembered before the change stays remembered. */
export const DEDUPLICATION_WINDOW_STATEMENTS: readonly string[] = DEDUPLICATED_TABLES.map(
  (table) => `ALTER TABLE ${table} MODIFY SETTING non_replicated_deduplication_window = ${LONG_DEDUPLICATION_WINDOW}`,
);
