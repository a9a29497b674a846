export interface MetricDeclaration {
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly labels: readonly string[];
}

/**
 * Every metric there is. Label values come from closed lists or from the settings (source names), never from log lines,
 * so the number of series is bounded.
 */
export const METRICS = {
  gatewatch_lines_total: counter('Lines read, by source and by what became of them.', 'source', 'outcome'),
  gatewatch_dropped_total: counter('Lines passed over because they carry no request.', 'reason'),
  gatewatch_dead_letter_total: counter(
    'Lines kept in the dead letter because they could not be read or stored.',
    'reason',
  ),
  gatewatch_events_total: counter('Events that the detector took in, without repeats.'),
  gatewatch_blocks_total: counter('Blocks of events appended to the event log.'),
  gatewatch_repeats_total: counter('Events that a stage had seen before and skipped.', 'stage'),
  gatewatch_clamped_total: counter('Values cut to the range of their column.', 'column'),
  gatewatch_decisions_total: counter('Decisions, by action and mode.', 'action', 'mode'),
  gatewatch_rows: gauge('Identities held in memory.', 'partition'),
  gatewatch_store_rows_total: counter('Rows written to the store.'),
  gatewatch_store_retries_total: counter('Inserts into the store that were tried again.'),
  gatewatch_checkpoint_seconds: gauge('How long the last checkpoint took, in seconds.'),
  gatewatch_bus_bytes: gauge('Bytes that the event log holds.'),
  gatewatch_bus_cap_bytes: gauge('Bytes at which the event log stops taking events.'),
  gatewatch_lag_records: gauge('Records of the event log that a stage has not read yet.', 'stage', 'partition'),
  gatewatch_intake_paused: gauge('1 while sources are paused for this cause, else 0.', 'cause'),
  gatewatch_events_duplicate: gauge('Stored events minus distinct stored events; anything but 0 is a fault.'),
  gatewatch_file_rotations_total: counter(
    'Log files found renamed or truncated while they were read.',
    'source',
    'kind',
  ),
  gatewatch_file_unread_bytes: gauge('Bytes of a log file that are still to be read.', 'source'),
  gatewatch_source_gap_records_total: counter(
    'Records of a raw topic that its retention removed before they were read.',
    'source',
  ),
  gatewatch_source_delay_seconds: gauge(
    'Age of the records of a raw topic when their lines became durable, or of those that wait; the most of a second.',
    'source',
  ),
  gatewatch_metrics_undeclared_total: counter(
    'Uses of a metric or label that is not declared: a fault in the program.',
  ),
} as const satisfies Readonly<Record<string, MetricDeclaration>>;

export type MetricName = keyof typeof METRICS;

function counter(help: string, ...labels: string[]): MetricDeclaration {
  return { type: 'counter', help, labels };
}

function gauge(help: string, ...labels: string[]): MetricDeclaration {
  return { type: 'gauge', help, labels };
}
