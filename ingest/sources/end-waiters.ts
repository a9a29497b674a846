/** Those who wait for a source to have read all that was there when they asked. */
export interface EndWaiters {
  /** Resolves at the first end that is reached in a turn after `turn`. */
  wait(turn: number): Promise<void>;
  any(): boolean;
  /** The end was reached in this turn. */
  reached(turn: number): void;
  /** It never will be again. */
  giveUp(): void;
}

export function createEndWaiters(): EndWaiters {
  let waiters: { readonly turn: number; resolve(): void; reject(error: Error): void }[] = [];
  return {
    wait: (turn) => new Promise((resolve, reject) => waiters.push({ turn, resolve, reject })),
    any: () => waiters.length > 0,
    reached(turn) {
      const done = waiters.filter((waiter) => waiter.turn < turn);
      waiters = waiters.filter((waiter) => waiter.turn >= turn);
      for (const waiter of done) waiter.resolve();
    },
    giveUp() {
      for (const waiter of waiters) waiter.reject(new Error('the file source has stopped'));
      waiters = [];
    },
  };
}
