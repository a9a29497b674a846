import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from '../platform/ports.ts';
import { GatewatchError } from '../schemas/errors.ts';

/** Pause between two attempts: somebody who starts all parts at once waits little longer than the slowest of them. */
const PAUSE_MS = 1_000;

/** The start was given up before the part was there. */
export class StartAborted extends Error {}

/** Parts that are waited for, with the reason, for health. */
export type Missing = Map<string, string>;

/**
 * Carries out `open` until it succeeds. While it fails for a reason that can pass (a broker or a server is away), the
 * reason stands in `missing` and once in the log; other failures are passed on.
 */
export async function waitFor<T>(options: {
  part: string;
  missing: Missing;
  log: Logger;
  signal: AbortSignal | undefined;
  open(): Promise<T>;
}): Promise<T> {
  const { part, missing, log, signal } = options;
  for (;;) {
    try {
      const opened = await options.open();
      if (missing.delete(part)) log.info({ part }, `${part} is there`);
      return opened;
    } catch (error) {
      if (!(error instanceof GatewatchError && error.transient && error.code !== 'bus_refused')) throw error;
      if (missing.get(part) !== error.message) {
        log.warn({ part, code: error.code }, `${error.message}; the start waits for it`);
      }
      missing.set(part, error.message);
      await wait(PAUSE_MS, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
      if (signal?.aborted === true) throw new StartAborted(`stopped while it waited for ${part}`);
    }
  }
}
