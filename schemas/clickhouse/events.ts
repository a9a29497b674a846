import { type Column, columnsDdl, EVENT_COLUMNS, RECEIPT_COLUMNS } from '../columns.ts';

/** Days that the store keeps an event, counted from its receipt. Shorter: reasons older than this cannot be recounted. */
export const EVENTS_RETENTION_DAYS = 30;

/** The window that the tables were first made with; deduplication-window.ts has the one in force, and says why. */
export const DEDUPLICATION_WINDOW = 10_000;

/**
 * Fresh parts stay in the compact format (few files) up to this size; merges turn them into one file a column. The
 * default, 10 MB, would make every full batch a part of some 80 files.
 */
const MIN_BYTES_FOR_WIDE_PART = 128 * 1024 * 1024;

/**
 * Parts that must be there before a merge: each merge then takes in ten small inserts at once instead of two or three, and
 * a row is rewritten fewer times (4 us of CPU a row saved at 5,000 rows an insert). Reads touch a few more parts.
 */
const MIN_PARTS_TO_MERGE = 10;

/** Columns that rise by small steps down a sorted part. */
const RISING = new Set(['received', 'offset', 'position', 'time']);
/** Columns whose values are random: ZSTD finds nothing more in them than LZ4 does, and takes longer. */
const RANDOM = new Set(['identity', 'ip', 'session', 'token', 'client', 'claimed', 'object', 'request_id']);

function withCodec(column: Column): string {
  const codec = RANDOM.has(column.name) ? 'LZ4' : 'ZSTD(1)';
  return `${columnsDdl([column])} CODEC(${RISING.has(column.name) ? 'Delta, ' : ''}${codec})`;
}

/** Event columns of the first schema version. Later ones come by a migration of their own: ALTER TABLE ... ADD COLUMN. */
const FIRST_EVENT_COLUMNS = 33;

const columns = [...RECEIPT_COLUMNS, ...EVENT_COLUMNS.slice(0, FIRST_EVENT_COLUMNS)];

/**
 * One row per request, as the bus carries it. Partitions and TTL go by the moment of receipt, so that replaying an old
 * log neither makes a partition for each of its days nor vanishes. Each (source, position) is stored once, by
 * deduplicated inserts; no read needs FINAL.
 */
const events = `CREATE TABLE IF NOT EXISTS events (
${columns.map(withCodec).join(',\n')},
  INDEX time_range time TYPE minmax GRANULARITY 1,
  INDEX session_filter session TYPE bloom_filter(0.01) GRANULARITY 4,
  INDEX token_filter token TYPE bloom_filter(0.01) GRANULARITY 4,
  INDEX ip_filter ip TYPE bloom_filter(0.01) GRANULARITY 4
) ENGINE = MergeTree
PARTITION BY toDate(received)
ORDER BY (tenant, identity, received, source, position)
TTL toDateTime(received) + INTERVAL ${EVENTS_RETENTION_DAYS} DAY
SETTINGS non_replicated_deduplication_window = ${DEDUPLICATION_WINDOW}, ttl_only_drop_parts = 1,
  min_bytes_for_wide_part = ${MIN_BYTES_FOR_WIDE_PART}, min_parts_to_merge_at_once = ${MIN_PARTS_TO_MERGE}`;

/**
 * Per identity and hour, for rankings: the events table is sorted by identity, which makes "who, in the last hours" a
 * full scan. Several rows of one key may exist until a merge, so every read adds up: sum(requests).
 */
const activityHourly = `CREATE TABLE IF NOT EXISTS activity_hourly (
  tenant LowCardinality(String),
  kind LowCardinality(String),
  identity String CODEC(ZSTD(1)),
  hour DateTime('UTC') COMMENT 'of the time as logged',
  day Date COMMENT 'of the receipt',
  requests SimpleAggregateFunction(sum, UInt64),
  auth_failures SimpleAggregateFunction(sum, UInt64),
  response_bytes SimpleAggregateFunction(sum, UInt64)
) ENGINE = AggregatingMergeTree
PARTITION BY day
ORDER BY (tenant, hour, kind, identity)
TTL day + INTERVAL ${EVENTS_RETENTION_DAYS} DAY
SETTINGS non_replicated_deduplication_window = ${DEDUPLICATION_WINDOW}, ttl_only_drop_parts = 1,
  min_bytes_for_wide_part = ${MIN_BYTES_FOR_WIDE_PART}, min_parts_to_merge_at_once = ${MIN_PARTS_TO_MERGE}`;

/** Bit 1 of flags: schemas/event.ts, EVENT_FLAGS.authFailure. */
const activityHourlyView = `CREATE MATERIALIZED VIEW IF NOT EXISTS activity_hourly_view TO activity_hourly AS
SELECT tenant, kind, identity, toStartOfHour(time) AS hour, toDate(received) AS day,
  count() AS requests,
  countIf(bitAnd(flags, 1) != 0) AS auth_failures,
  sum(ifNull(response_bytes, 0)) AS response_bytes
FROM events
GROUP BY tenant, kind, identity, hour, day`;

export const EVENTS_STATEMENTS: readonly string[] = [events, activityHourly, activityHourlyView];
