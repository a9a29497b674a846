import { type Column, columnsDdl } from '../columns.ts';
import { DEDUPLICATION_WINDOW } from './events.ts';

/** Days that the store keeps a decision, and the evidence behind it, counted from the moment of storing. */
export const DECISIONS_RETENTION_DAYS = 400;
export const EVIDENCE_RETENTION_DAYS = 90;

const text = (name: string, comment: string): Column => ({ name, type: 'String', fallback: "''", comment });
const word = (name: string, comment: string): Column => ({
  name,
  type: 'LowCardinality(String)',
  fallback: "''",
  comment,
});
const number = (name: string, type: string, comment: string): Column => ({ name, type, fallback: '0', comment });
const time = (comment: string): Column => number('time', "DateTime64(3, 'UTC')", comment);

/** Columns of a decision row, in line order. */
export const DECISION_COLUMNS: readonly Column[] = [
  text('id', 'id of the decision'),
  time('completion time of the deciding event'),
  word('tenant', 'tenant'),
  word('kind', 'kind of the identity'),
  text('identity', 'pseudonym'),
  word('action', 'what the policy asks for'),
  word('mode', 'shadow or enforce'),
  number('risk', 'Float64', 'accumulated evidence, nats'),
  number('source', 'UInt64', 'source of the deciding event'),
  number('position', 'UInt64', 'its position'),
  text('versions', 'JSON: versions that the decision rests on'),
  text('reasons', 'JSON: reasons with their queries'),
];

/** Columns of an evidence row, in line order: one row per reason of a decision. */
export const EVIDENCE_COLUMNS: readonly Column[] = [
  text('decision', 'id of the decision'),
  time('completion time of the deciding event'),
  word('tenant', 'tenant'),
  word('kind', 'kind of the identity'),
  text('identity', 'pseudonym'),
  word('channel', 'what was watched'),
  word('tick', 'minute, hour or day'),
  number('expected', 'Float64', 'what the baseline expects for the tick'),
  text('seen', 'what was seen: a count, or the new value'),
  number('nats', 'Float64', 'share of the risk'),
];

function table(name: string, columns: readonly Column[], order: string, retentionDays: number): string {
  return `CREATE TABLE IF NOT EXISTS ${name} (
${columnsDdl(columns)},
  \`stored\` DateTime('UTC') DEFAULT now() COMMENT 'when the row was stored',
  INDEX identity_filter identity TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = MergeTree
PARTITION BY toYYYYMM(stored)
ORDER BY (${order})
TTL stored + INTERVAL ${retentionDays} DAY
SETTINGS non_replicated_deduplication_window = ${DEDUPLICATION_WINDOW}`;
}

/**
 * TTL and partitions go by the moment of storing, not by the decision's own time, so that the decisions of a replayed
 * old log stay.
 */
export const DECISIONS_STATEMENTS: readonly string[] = [
  table('decisions', DECISION_COLUMNS, 'tenant, time, id', DECISIONS_RETENTION_DAYS),
  table('evidence', EVIDENCE_COLUMNS, 'tenant, time, decision, channel', EVIDENCE_RETENTION_DAYS),
];
