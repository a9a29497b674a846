import { setTimeout as sleep } from 'node:timers/promises';
import type { Intake } from '../intake.ts';

/** How often a stop looks whether the intake has paused. */
const LOOK_MS = 50;

/** Batches that the intake has and that are not durable yet. */
export interface HeldBatches {
  /** True: it is durable. False: nobody waits for it any more. Rejects when the intake refuses it. */
  durable(accepted: Promise<unknown>): Promise<boolean>;
  /** Afterwards batches are waited for only while the intake is not paused. Resolves when none is left. */
  letGo(): Promise<void>;
}

/**
 * A source that stops finishes what it has in hand, but a bus that takes nothing would hold it for ever: lines that are
 * let go are read again from the committed offset.
 */
export function createHeldBatches(intake: Pick<Intake, 'paused'>): HeldBatches {
  const waiting = new Set<() => void>();
  return {
    durable(accepted) {
      return new Promise((resolve, reject) => {
        const give = () => {
          waiting.delete(give);
          resolve(false);
        };
        waiting.add(give);
        accepted.then(() => resolve(true), reject).finally(() => waiting.delete(give));
      });
    },
    async letGo() {
      while (waiting.size > 0) {
        if (intake.paused() !== null) for (const give of [...waiting]) give();
        else await sleep(LOOK_MS);
      }
    },
  };
}
