/** Every error that this program raises on purpose. The code is stable; the message says what to change. */
export const ERROR_CODES = [
  'config_invalid',
  'store_unavailable',
  'store_missing',
  'store_locked',
  'state_foreign',
  'log_full',
  'disk_full',
  'source_unreadable',
  'format_unknown',
  'bus_unavailable',
  'bus_refused',
  'topic_unfit',
  'message_too_large',
  'partition_lost',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

export class GatewatchError extends Error {
  readonly code: ErrorCode;
  /** True when trying again later can help without anybody changing anything. */
  readonly transient: boolean;

  constructor(code: ErrorCode, message: string, options: { transient?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'GatewatchError';
    this.code = code;
    this.transient = options.transient ?? false;
  }
}
