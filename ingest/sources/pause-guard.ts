/** How often waiting requests look whether the intake has paused. */
const LOOK_MS = 100;

/** Ends waits for the intake once it has paused. */
export interface PauseGuard {
  /** Settles as the promise does, or rejects with the problem when the intake pauses before that. */
  wait<T>(promise: Promise<T>): Promise<T>;
}

export function createPauseGuard(isPaused: () => boolean, problem: () => Error): PauseGuard {
  const waiting = new Set<(error: Error) => void>();
  let timer: ReturnType<typeof setInterval> | null = null;

  function look(): void {
    if (!isPaused()) return;
    for (const reject of waiting) reject(problem());
  }

  function leave(reject: (error: Error) => void): void {
    waiting.delete(reject);
    if (waiting.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  }

  return {
    wait(promise) {
      return new Promise((resolve, reject) => {
        waiting.add(reject);
        // The connection that waits keeps the process alive, not this timer.
        timer ??= setInterval(look, LOOK_MS).unref();
        promise.then(resolve, () => reject(problem())).finally(() => leave(reject));
      });
    },
  };
}
