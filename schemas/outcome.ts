/**
 * What becomes of one input line. The reason words are the metric label, the log field and the API value,
 * so each list is closed and only ever appended.
 */

/** Lines that carry no request: passed over, counted, not kept. */
export const DROP_REASONS = ['empty', 'not_access_line', 'incomplete'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** Lines that should have been a request and are not readable as one: kept in the dead letter with bounded bytes. */
export const DEAD_LETTER_REASONS = [
  'not_in_format',
  'invalid_json',
  'not_an_object',
  'too_long',
  'too_deep',
  'binary',
  'missing_time',
  'invalid_time',
  'time_out_of_range',
  'missing_request',
  'invalid_status',
  'store_refused',
  'invalid_gzip',
] as const;
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];

/** The result of reading one line. `why` is for people and never quotes the line. */
export type Outcome<T> =
  | { readonly type: 'ok'; readonly value: T }
  | { readonly type: 'drop'; readonly reason: DropReason; readonly why: string }
  | { readonly type: 'deadLetter'; readonly reason: DeadLetterReason; readonly why: string };
