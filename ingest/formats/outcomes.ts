import type { DeadLetterReason, DropReason } from '../../schemas/outcome.ts';
import { LINE_MAX_BYTES } from './format.ts';

/**
 * The outcomes of lines that are no event, made once: a flood of bad lines allocates nothing. None quotes its line.
 */
interface Drop {
  readonly type: 'drop';
  readonly reason: DropReason;
  readonly why: string;
}

interface DeadLetter {
  readonly type: 'deadLetter';
  readonly reason: DeadLetterReason;
  readonly why: string;
}

function drop(reason: DropReason, why: string): Drop {
  return Object.freeze({ type: 'drop', reason, why });
}

function deadLetter(reason: DeadLetterReason, why: string): DeadLetter {
  return Object.freeze({ type: 'deadLetter', reason, why });
}

/** Deepest nesting of JSON that is read; access logs of gateways stay below ten levels. */
export const JSON_MAX_DEPTH = 64;

export const EMPTY = drop('empty', 'the line is empty');
export const SSL_REQUEST = drop('incomplete', 'ssl_request_log: no status, and the access log has the same request');
export const SERVER_LOG = drop('not_access_line', 'a line of the server error log');
export const NOT_ACCESS = drop('not_access_line', 'an object without method, path and status');
export const OTHER_RECORD = drop('not_access_line', 'an object of another kind than the mapping asks for');

export const TOO_LONG = deadLetter('too_long', `the line is longer than ${LINE_MAX_BYTES} bytes`);
export const NOT_COMBINED = deadLetter('not_in_format', 'not a common or combined log line');
export const NOT_JSON = deadLetter('not_in_format', 'the line does not begin with "{"');
export const INVALID_JSON = deadLetter('invalid_json', 'the line is not valid JSON: cut, glued or not escaped');
export const NOT_AN_OBJECT = deadLetter('not_an_object', 'the JSON value is not an object');
export const TOO_DEEP = deadLetter('too_deep', `JSON nested deeper than ${JSON_MAX_DEPTH} levels`);
export const MISSING_TIME = deadLetter('missing_time', 'no field with a time has a value');
export const INVALID_TIME = deadLetter('invalid_time', 'the time cannot be read');
export const TIME_OUT_OF_RANGE = deadLetter('time_out_of_range', 'the time is before 1990 or after 2100');
export const MISSING_REQUEST = deadLetter('missing_request', 'there is neither a path nor a status');
export const INVALID_STATUS = deadLetter('invalid_status', 'the status is neither a number nor "-"');
