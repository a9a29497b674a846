import type { PartHealth } from '../api/health.ts';
import type { Intake } from '../ingest/intake.ts';
import type { Bus, EventStore, Metrics } from '../platform/ports.ts';
import type { Topic } from '../schemas/topics.ts';

/** Groups of `events` whose lag is shown. */
const STAGES = ['detector', 'store'] as const;

const PAUSE_ADVICE = {
  log_full: 'the event log is at its cap: let the store catch up, or raise log.cap_bytes',
  disk_full: 'the disk of the data directory is full: make room',
} as const;

/** What `GET /v1/health` says of each part. */
export async function healthParts(bus: Bus, intake: Intake, store: EventStore | null): Promise<PartHealth[]> {
  const paused = intake.paused();
  const usage = bus.usage();
  const parts: PartHealth[] = [
    {
      name: 'intake',
      ok: paused === null,
      ...(paused === null ? {} : { why: PAUSE_ADVICE[paused] }),
      details: { pending_bytes: intake.pendingBytes() },
    },
    { name: 'log', ok: true, details: { bytes: usage.bytes, cap_bytes: usage.capBytes } },
  ];
  for (const stage of STAGES) {
    if (stage === 'store' && store === null) continue;
    parts.push({ name: stage, ok: true, details: { lag_records: lagOf(bus, stage) } });
  }
  if (store !== null) {
    const answer = await store.ping().then(
      () => null,
      (error: Error) => error.message,
    );
    parts.push({ name: 'clickhouse', ok: answer === null, ...(answer === null ? {} : { why: answer }) });
  }
  return parts;
}

/** Brings the gauges of the log up to date before they are read. */
export function measureLog(bus: Bus, metrics: Metrics): void {
  const usage = bus.usage();
  metrics.gauge('gatewatch_bus_bytes', {}, usage.bytes);
  metrics.gauge('gatewatch_bus_cap_bytes', {}, usage.capBytes);
  for (const stage of STAGES) {
    for (let partition = 0; partition < bus.partitions('events'); partition++) {
      const read = bus.committed(stage, 'events', partition) ?? 0;
      metrics.gauge(
        'gatewatch_lag_records',
        { stage, partition: String(partition) },
        bus.endOffset('events', partition) - read,
      );
    }
  }
}

/** Records of events and decisions that are not in the store yet. */
export function storeLag(bus: Bus): number {
  return lagOf(bus, 'store', 'events') + lagOf(bus, 'store', 'decisions');
}

function lagOf(bus: Bus, stage: string, topic: Topic = 'events'): number {
  let lag = 0;
  for (let partition = 0; partition < bus.partitions(topic); partition++) {
    lag += bus.endOffset(topic, partition) - (bus.committed(stage, topic, partition) ?? 0);
  }
  return lag;
}
