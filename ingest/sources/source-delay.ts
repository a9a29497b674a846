import type { Clock, Metrics } from '../../platform/ports.ts';

/** How long ago records were written when their lines become durable: how far a source is behind, in time. */
export interface SourceDelay {
  /** Records of a partition wait for the intake; the newest was written at `newestMs`. */
  began(partition: number, newestMs: number): void;
  ended(partition: number): void;
  /** Sets the gauge to the most since the last call; 0 when there was nothing to read. */
  report(): void;
}

/** The clocks of whoever wrote the records and of this machine are compared: differences between them show. */
export function createSourceDelay(source: string, clock: Clock, metrics: Metrics): SourceDelay {
  const waiting = new Map<number, number>();
  let mostMs = 0;
  metrics.gauge('gatewatch_source_delay_seconds', { source }, 0);
  const note = (newestMs: number) => {
    mostMs = Math.max(mostMs, clock.now() - newestMs);
  };
  return {
    began: (partition, newestMs) => void waiting.set(partition, newestMs),
    ended(partition) {
      const newestMs = waiting.get(partition);
      if (newestMs !== undefined) note(newestMs);
      waiting.delete(partition);
    },
    report() {
      for (const newestMs of waiting.values()) note(newestMs);
      metrics.gauge('gatewatch_source_delay_seconds', { source }, mostMs / 1_000);
      mostMs = 0;
    },
  };
}
