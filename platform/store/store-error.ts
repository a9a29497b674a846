import { GatewatchError } from '../../schemas/errors.ts';

/**
 * ClickHouse error codes that say that the rows of an insert themselves are refused: sending them again cannot help.
 * Closed list. Numbers and names: ClickHouse, src/Common/ErrorCodes.cpp. Every other failure of an insert is tried again.
 */
const REFUSED_ROWS: ReadonlyMap<number, string> = new Map([
  [6, 'CANNOT_PARSE_TEXT'],
  [25, 'CANNOT_PARSE_ESCAPE_SEQUENCE'],
  [26, 'CANNOT_PARSE_QUOTED_STRING'],
  [27, 'CANNOT_PARSE_INPUT_ASSERTION_FAILED'],
  [32, 'ATTEMPT_TO_READ_AFTER_EOF'],
  [38, 'CANNOT_PARSE_DATE'],
  [41, 'CANNOT_PARSE_DATETIME'],
  [53, 'TYPE_MISMATCH'],
  [69, 'ARGUMENT_OUT_OF_BOUND'],
  [70, 'CANNOT_CONVERT_TYPE'],
  [72, 'CANNOT_PARSE_NUMBER'],
  [117, 'INCORRECT_DATA'],
  [131, 'TOO_LARGE_STRING_SIZE'],
  [321, 'VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE'],
  [349, 'CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN'],
  [467, 'CANNOT_PARSE_BOOL'],
]);

/** The disk under the store is full. Goes by itself when room is made. */
const NOT_ENOUGH_SPACE = 243;

/** Faults of the moment: the same query may succeed later. */
const PASSING: ReadonlyMap<number, string> = new Map([
  [159, 'TIMEOUT_EXCEEDED'],
  [160, 'TOO_SLOW'],
  [198, 'DNS_ERROR'],
  [202, 'TOO_MANY_SIMULTANEOUS_QUERIES'],
  [203, 'NO_FREE_CONNECTION'],
  [209, 'SOCKET_TIMEOUT'],
  [210, 'NETWORK_ERROR'],
  [236, 'ABORTED'],
  [241, 'MEMORY_LIMIT_EXCEEDED'],
  [242, 'TABLE_IS_READ_ONLY'],
  [252, 'TOO_MANY_PARTS'],
  [319, 'UNKNOWN_STATUS_OF_INSERT'],
  [439, 'CANNOT_SCHEDULE_TASK'],
]);

/** Faults of the statement or of the installation. Their text quotes our own SQL and no data. */
const STATEMENT: ReadonlyMap<number, string> = new Map([
  [16, 'NO_SUCH_COLUMN_IN_TABLE'],
  [42, 'NUMBER_OF_ARGUMENTS_DOESNT_MATCH'],
  [43, 'ILLEGAL_TYPE_OF_ARGUMENT'],
  [46, 'UNKNOWN_FUNCTION'],
  [47, 'UNKNOWN_IDENTIFIER'],
  [50, 'UNKNOWN_TYPE'],
  [57, 'TABLE_ALREADY_EXISTS'],
  [60, 'UNKNOWN_TABLE'],
  [62, 'SYNTAX_ERROR'],
  [81, 'UNKNOWN_DATABASE'],
  [115, 'UNKNOWN_SETTING'],
  [215, 'NOT_AN_AGGREGATE'],
  [386, 'NO_COMMON_TYPE'],
  [497, 'ACCESS_DENIED'],
  [516, 'AUTHENTICATION_FAILED'],
]);

/** Longest piece of ClickHouse's own words that is passed on. */
const TEXT_MAX = 300;

/**
 * Turns a failure of an insert into one of ours. Permanent (`transient` false) only when ClickHouse refuses the rows.
 *
 * Decided by error code alone. The original message and cause are dropped, because ClickHouse's parse errors quote the
 * row; the name comes from our own list, because a hostile row can put words into the message where the name stands.
 */
export function insertError(error: unknown): GatewatchError {
  const code = clickHouseCode(error);
  if (code === null) return new GatewatchError('store_unavailable', unreachable(error), { transient: true });
  const refused = REFUSED_ROWS.get(code);
  if (refused !== undefined) {
    return new GatewatchError('store_unavailable', `the event store refused the rows: ${label(code, refused)}`);
  }
  if (code === NOT_ENOUGH_SPACE) return diskFull();
  return new GatewatchError('store_unavailable', `the event store did not take the rows: ${label(code)}`, {
    transient: true,
  });
}

/**
 * Turns a failure of a query or of a schema statement into one of ours. The words of ClickHouse are kept for faults of
 * the statement, whose text is the program's own; never for others, which may quote stored data.
 */
export function queryError(error: unknown): GatewatchError {
  const code = clickHouseCode(error);
  if (code === null) return new GatewatchError('store_unavailable', unreachable(error), { transient: true });
  if (code === NOT_ENOUGH_SPACE) return diskFull();
  const words = STATEMENT.has(code) ? `: ${ownWords(error)}` : '';
  return new GatewatchError('store_unavailable', `the event store did not answer: ${label(code)}${words}`, {
    transient: PASSING.has(code),
  });
}

function diskFull(): GatewatchError {
  return new GatewatchError('disk_full', 'the disk of the event store is full', { transient: true });
}

function label(code: number, name = PASSING.get(code) ?? STATEMENT.get(code)): string {
  return `ClickHouse error ${code}${name === undefined ? '' : ` (${name})`}`;
}

/**
 * The number of a ClickHouse error: a field of both clients' errors (a number in chdb, a string over HTTP). The HTTP
 * client leaves a message that it cannot take apart as it is, so its beginning, which is ClickHouse's own, is read too.
 */
export function clickHouseCode(error: unknown): number | null {
  if (typeof error !== 'object' || error === null) return null;
  if ('clickhouseCode' in error && typeof error.clickhouseCode === 'number') return error.clickhouseCode;
  if ('code' in error && typeof error.code === 'string' && /^\d{1,5}$/.test(error.code)) return Number(error.code);
  const prefix = error instanceof Error ? /^Code: (\d{1,5})\. DB::Exception/.exec(error.message) : null;
  return prefix === null ? null : Number(prefix[1]);
}

/** System error codes (ECONNREFUSED, ...) and chdb's (CHDB_CLOSED, ...) are words of closed lists. */
function unreachable(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z_]{2,40}$/.test(code)
    ? `the event store cannot be reached: ${code}`
    : 'the event store cannot be reached';
}

function ownWords(error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  return message.replace(/^(Code: \d+\. DB::Exception: )+/, '').slice(0, TEXT_MAX);
}
