/**
 * The event line: one list of columns that generates the TypeScript type, the block header and the DDL.
 * Only ever appended, each new column with a default. An event line is a JSON array of these values in this order.
 *
 * The first columns, up to and including `ja4`, are all that the detector reads: it stops there.
 */
export interface Column {
  readonly name: string;
  /** ClickHouse type. */
  readonly type: string;
  /** ClickHouse DEFAULT expression, for lines of older schema versions. */
  readonly fallback: string;
  readonly comment: string;
}

function column<const N extends string>(name: N, type: string, fallback: string, comment: string) {
  return { name, type, fallback, comment };
}

/** Version of the event line. Readers read this one and the one before. */
export const EVENT_SCHEMA_VERSION = 1;

export const EVENT_COLUMNS = [
  column('position', 'UInt64', '0', 'place of the line in its source, monotone'),
  column('tenant', 'LowCardinality(String)', "'default'", 'tenant'),
  column('kind', 'LowCardinality(String)', "''", 'kind of the owner identity; empty when nobody can be named'),
  column('identity', 'String', "''", 'pseudonym of the owner identity'),
  column('time', "DateTime64(3, 'UTC')", '0', 'time as logged, ms'),
  column('basis', 'LowCardinality(String)', "'end'", 'start, end or bus: when the time was taken'),
  column('latency_us', 'Nullable(UInt32)', 'NULL', 'total time at the gateway, microseconds'),
  column('status', 'UInt16', '0', 'HTTP status; 0 when there is none'),
  column('flags', 'UInt16', '0', 'bits of EVENT_FLAGS'),
  column('method', 'LowCardinality(String)', "''", 'request method'),
  column('route', 'String', "''", 'route template'),
  column('object', 'UInt32', '0', 'hash of the object ids in the path, within the route; 0 when none'),
  column('network', 'String', "''", 'AS number, else /24 or /48 of the client address'),
  column('country', 'LowCardinality(String)', "''", 'ISO 3166 country of the client address'),
  column('ua_family', 'String', "''", 'family of the user agent'),
  column('ja4', 'String', "''", 'TLS client fingerprint'),
  column('ip', 'String', "''", 'pseudonym of the client address'),
  column('session', 'String', "''", 'pseudonym of the session'),
  column('token', 'String', "''", 'pseudonym of the token'),
  column('client', 'String', "''", 'pseudonym of the OAuth client or consumer'),
  column('claimed_kind', 'LowCardinality(String)', "''", 'kind of an identity named but not proven'),
  column('claimed', 'String', "''", 'its pseudonym'),
  column('path', 'String', "''", 'path as sent, secrets redacted'),
  column('query', 'String', "''", 'query as sent, secrets redacted'),
  column('host', 'String', "''", 'host asked for'),
  column('user_agent', 'String', "''", 'user agent as sent'),
  column('service', 'LowCardinality(String)', "''", 'upstream service'),
  column('request_bytes', 'Nullable(UInt64)', 'NULL', 'request size as the gateway counts it'),
  column('response_bytes', 'Nullable(UInt64)', 'NULL', 'response size as the gateway counts it'),
  column('upstream_latency_us', 'Nullable(UInt32)', 'NULL', 'sum over upstream attempts, microseconds'),
  column('request_id', 'String', "''", 'request id; may be chosen by the client'),
  column('grpc_status', 'Nullable(UInt8)', 'NULL', 'gRPC status code'),
  column('tls_version', 'LowCardinality(String)', "''", 'TLS version'),
] as const satisfies readonly Column[];

export type EventColumnName = (typeof EVENT_COLUMNS)[number]['name'];

/** Names in line order, as they stand in a block's header and in the INSERT statement. */
export const EVENT_COLUMN_NAMES: readonly EventColumnName[] = EVENT_COLUMNS.map((c) => c.name);

/** What `store` puts in front of each line: where and when the line was received. */
export const RECEIPT_COLUMNS = [
  column('received', "DateTime64(3, 'UTC')", '0', 'when the line was accepted; never enters detection'),
  column('partition', 'UInt16', '0', 'bus partition'),
  column('offset', 'UInt64', '0', 'bus offset of the block'),
  column('source', 'UInt64', '0', 'id of the raw topic partition, file or HTTP stream'),
] as const satisfies readonly Column[];

/** One `name type DEFAULT x COMMENT y` line per column, for CREATE TABLE. */
export function columnsDdl(columns: readonly Column[]): string {
  return columns
    .map((c) => `  \`${c.name}\` ${c.type} DEFAULT ${c.fallback} COMMENT '${c.comment.replaceAll("'", "''")}'`)
    .join(',\n');
}
