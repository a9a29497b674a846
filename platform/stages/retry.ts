import { GatewatchError } from '../../schemas/errors.ts';
import type { Logger } from '../ports.ts';

/** First wait before another try, doubled each time up to the longest. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;

/**
 * Tries again until the work succeeds, as long as its failures are transient (full disk, store away). One log line when
 * it begins to fail and one when it works again. A permanent failure is passed on at once.
 */
export async function retryTransient<T>(what: string, log: Logger, work: () => Promise<T>): Promise<T> {
  for (let wait = FIRST_WAIT_MS, failing = false; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    try {
      const result = await work();
      if (failing) log.info({ what }, 'works again');
      return result;
    } catch (error) {
      if (!(error instanceof GatewatchError) || !error.transient) throw error;
      if (!failing) log.warn({ what, code: error.code }, `${what} waits: ${error.message}`);
      failing = true;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}
