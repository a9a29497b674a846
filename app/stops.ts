/** What was started, to be stopped in reverse order. */
export interface Stops {
  push(stop: () => Promise<void>): void;
  /** Idempotent. */
  stop(): Promise<void>;
  stopping(): boolean;
}

/** Runs `start`; when a step fails, what had been started is stopped again and the error is passed on. */
export async function startInOrder<T>(start: (stops: Stops) => Promise<T>): Promise<T> {
  const steps: (() => Promise<void>)[] = [];
  let stopped: Promise<void> | null = null;
  const stops: Stops = {
    push: (stop) => void steps.push(stop),
    stop() {
      stopped ??= (async () => {
        for (const step of steps.reverse()) await step();
      })();
      return stopped;
    },
    stopping: () => stopped !== null,
  };
  try {
    return await start(stops);
  } catch (error) {
    await stops.stop();
    throw error;
  }
}
