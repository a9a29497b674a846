import type { EventStore, Logger, Metrics } from '../platform/ports.ts';

/** How often the check runs, and over how much: each hour is looked at six times, at the cost of one small query. */
const INTERVAL_MS = 10 * 60_000;
const SQL = `SELECT toUInt32(count() - uniqExact((source, position))) AS doubled FROM events
WHERE received > now64(3) - INTERVAL 1 HOUR`;

/** Watches that each event of the last hour is stored once. Anything else is a fault of the program, and an error in the log. */
export function startDuplicateCheck(store: EventStore, metrics: Metrics, log: Logger): { stop(): Promise<void> } {
  let running: Promise<void> = Promise.resolve();
  async function check(): Promise<void> {
    try {
      const [row] = await store.query<{ doubled: number }>(SQL);
      const doubled = row?.doubled ?? 0;
      metrics.gauge('gatewatch_events_duplicate', {}, doubled);
      if (doubled > 0) log.error({ doubled }, 'events are stored more than once');
    } catch {
      // The store is away or closing; its own stages say so. The next look is in ten minutes.
    }
  }
  metrics.gauge('gatewatch_events_duplicate', {}, 0);
  const timer = setInterval(() => {
    running = check();
  }, INTERVAL_MS);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
