import type { PartHealth } from '../api/health.ts';
import type { Intake, Pause } from '../ingest/intake.ts';
import type { Bus, EventStore, Metrics } from '../platform/ports.ts';
import { type ErrorCode, GatewatchError } from '../schemas/errors.ts';
import type { Topic } from '../schemas/topics.ts';

/** Groups of `events` whose lag is shown. */
const STAGES = ['detector', 'store'] as const;
type Stage = (typeof STAGES)[number];

/** What a process has of the pipeline. */
export interface RunningParts {
  readonly bus: Bus;
  readonly intake: Intake | null;
  readonly store: EventStore | null;
  readonly stages: readonly Stage[];
}

const PAUSE_ADVICE: Partial<Record<ErrorCode, string>> = {
  log_full: 'the event log is at its cap: let the store catch up, or raise log.cap_bytes',
  disk_full: 'the disk of the data directory is full: make room',
};

/** What `GET /v1/health` says of each part. */
export async function healthParts({ bus, intake, store, stages }: RunningParts): Promise<PartHealth[]> {
  const trouble = bus.trouble();
  const usage = bus.usage();
  const parts: PartHealth[] = [
    ...(intake === null ? [] : [intakePart(intake)]),
    {
      name: 'log',
      ok: trouble === null,
      ...(trouble === null ? {} : { why: trouble }),
      ...(usage === null ? {} : { details: { bytes: usage.bytes, cap_bytes: usage.capBytes } }),
    },
  ];
  for (const stage of stages) {
    if (stage === 'store' && store === null) continue;
    parts.push(await stagePart(bus, stage));
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

function intakePart(intake: Intake): PartHealth {
  const paused = intake.paused();
  return {
    name: 'intake',
    ok: paused === null,
    ...(paused === null ? {} : { why: adviceFor(paused) }),
    details: { pending_bytes: intake.pendingBytes() },
  };
}

async function stagePart(bus: Bus, stage: string): Promise<PartHealth> {
  try {
    return { name: stage, ok: true, details: { lag_records: await lagOf(bus, stage, 'events') } };
  } catch (error) {
    if (!(error instanceof GatewatchError)) throw error;
    return { name: stage, ok: false, why: error.message };
  }
}

/** Brings the gauges of the log up to date before they are read. A lag that the bus cannot tell keeps its last value. */
export async function measureLog(bus: Bus, metrics: Metrics): Promise<void> {
  const usage = bus.usage();
  if (usage !== null) {
    metrics.gauge('gatewatch_bus_bytes', {}, usage.bytes);
    metrics.gauge('gatewatch_bus_cap_bytes', {}, usage.capBytes);
  }
  try {
    for (const stage of STAGES) await measureLag(bus, metrics, stage);
  } catch (error) {
    // The other metrics are worth most while the bus is away.
    if (!(error instanceof GatewatchError)) throw error;
  }
}

async function measureLag(bus: Bus, metrics: Metrics, stage: string): Promise<void> {
  for (let partition = 0; partition < bus.partitions('events'); partition++) {
    const lag = await partitionLag(bus, stage, 'events', partition);
    metrics.gauge('gatewatch_lag_records', { stage, partition: String(partition) }, lag);
  }
}

/** Records of events and decisions that are not in the store yet. */
export async function storeLag(bus: Bus): Promise<number> {
  return (await lagOf(bus, 'store', 'events')) + (await lagOf(bus, 'store', 'decisions'));
}

async function lagOf(bus: Bus, stage: string, topic: Topic): Promise<number> {
  const partitions = Array.from({ length: bus.partitions(topic) }, (_, partition) => partition);
  const lags = await Promise.all(partitions.map((partition) => partitionLag(bus, stage, topic, partition)));
  return lags.reduce((sum, lag) => sum + lag, 0);
}

async function partitionLag(bus: Bus, stage: string, topic: Topic, partition: number): Promise<number> {
  // The committed offset first: read the other way round, a stage that goes on meanwhile would seem to be ahead.
  const committed = (await bus.committed(stage, topic, partition)) ?? 0;
  return (await bus.endOffset(topic, partition)) - committed;
}

/** What to do about a pause, or what the bus says when there is nothing better. */
function adviceFor({ cause, why }: Pause): string {
  return PAUSE_ADVICE[cause] ?? why;
}
