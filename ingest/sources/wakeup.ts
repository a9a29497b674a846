/** Lets one loop sleep until something happens. A wake that comes before the sleep is not lost. */
export interface Wakeup {
  wake(): void;
  /** Resolves at the next wake, or after `ms` milliseconds. One sleeper at a time. */
  wait(ms: number): Promise<void>;
}

export function createWakeup(): Wakeup {
  let woken = false;
  let rouse: (() => void) | null = null;
  return {
    wake() {
      woken = true;
      rouse?.();
    },
    async wait(ms) {
      if (!woken) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          rouse = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        rouse = null;
      }
      woken = false;
    },
  };
}
