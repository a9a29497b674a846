import { setTimeout as wait } from 'node:timers/promises';
import { GatewatchError } from '../../schemas/errors.ts';
import type { Logger, Metrics } from '../ports.ts';

/** First pause after a failure, and the longest. Doubling in between: a store that restarts is met within seconds. */
const PAUSE_MS = 250;
const PAUSE_MAX_MS = 30_000;

/**
 * What an operation of a `Retry` rejects with when the stage is stopped while the operation keeps failing, or when the
 * partition is no longer ours (`partition_lost`): nothing more of the partition may be written, and that is no fault.
 */
export class Stopped extends Error {}

/** Carries `run` out until it succeeds. `what` names it in the log. */
export type Retry = <T>(what: string, run: () => Promise<T>) => Promise<T>;

export interface RetryOptions {
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Fields of every log line. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Once aborted, an operation is tried once and not again. */
  readonly signal: AbortSignal;
  readonly pauseMs?: number;
}

/**
 * Tries again for ever after transient failures, with growing pauses: whoever waits for the operation holds back, which
 * is the full-queue policy. One log line when it begins to fail, one when it works again. A lost partition ends it as a
 * stop does. Other failures are passed on.
 */
export function createRetry(options: RetryOptions): Retry {
  const { log, metrics, fields, signal } = options;
  const firstPauseMs = options.pauseMs ?? PAUSE_MS;
  return async (what, run) => {
    for (let failures = 0, pauseMs = firstPauseMs; ; failures++, pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)) {
      try {
        const result = await run();
        if (failures > 0) log.info({ ...fields, operation: what, failures }, `${what} works again`);
        return result;
      } catch (error) {
        if (error instanceof GatewatchError && error.code === 'partition_lost') throw new Stopped();
        if (!(error instanceof GatewatchError && error.transient)) throw error;
        metrics.count('gatewatch_store_retries_total', {}, 1);
        if (signal.aborted) throw new Stopped();
        if (failures === 0) {
          log.warn(
            { ...fields, operation: what, code: error.code },
            `${what}: ${error.message}; trying until it works`,
          );
        }
        await wait(pauseMs, undefined, { signal }).catch(() => undefined);
        if (signal.aborted) throw new Stopped();
      }
    }
  };
}
