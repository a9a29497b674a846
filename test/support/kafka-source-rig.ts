import { startKafkaSource } from '../../ingest/sources/kafka.ts';
import { systemClock } from '../../platform/clock.ts';
import type { MemoryRawLog } from './memory-raw-log.ts';
import type { SourcesMemoryBus } from './sources-memory-bus.ts';
import { NO_METRICS, QUIET_LOG, TEST_FORMAT, testIntake, textLine } from './sources-rig.ts';

const FORMAT = { ...TEST_FORMAT, name: 'json' };

/** A source over a raw topic in memory, with the real intake before its bus. */
export function start(
  raw: MemoryRawLog,
  bus: SourcesMemoryBus,
  options: Partial<Parameters<typeof startKafkaSource>[0]> = {},
) {
  const intake = testIntake(bus);
  const source = startKafkaSource({
    ...{ name: 'edge', topic: 'logs', groupId: 'g', from: 'beginning', partitions: 1, retentionMs: 1_000 },
    ...{ format: FORMAT, origin: 'here', raw, intake, log: QUIET_LOG, metrics: NO_METRICS },
    ...{ line: textLine(bus.partitions('events')), clock: systemClock },
    ...options,
  });
  return { source, intake };
}

/** Messages with these texts. */
export const bytes = (...texts: string[]) => texts.map((text) => Buffer.from(text));
