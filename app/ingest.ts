import type { Config, Source } from '../config/schema.ts';
import { createBlockEncoder } from '../ingest/encoder.ts';
import type { EventLine } from '../ingest/event-line.ts';
import { createIntake, type Intake } from '../ingest/intake.ts';
import { createLineMaker } from '../ingest/line-maker.ts';
import { createPseudonymizer, type Pseudonymizer } from '../ingest/pseudonym.ts';
import type { Bus, Clock, Logger, Metrics } from '../platform/ports.ts';

export interface Ingest {
  readonly intake: Intake;
  readonly pseudonyms: Pseudonymizer;
  /** Makes event lines by a source's own settings; null: by those at the top. */
  lineOf(source: Source | null): EventLine;
}

/** What makes events of lines, whatever their source. */
export function createIngest(parts: {
  config: Config;
  bus: Bus;
  /** Number of the configuration that shapes lines. */
  epoch: number;
  key: Buffer;
  clock: Clock;
  metrics: Metrics;
  log: Logger;
}): Ingest {
  const { config, bus, epoch, clock, metrics, log } = parts;
  const partitions = bus.partitions('events');
  const pseudonyms = createPseudonymizer({ key: parts.key, tenant: config.tenant });
  const lineOf = (source: Source | null): EventLine =>
    createLineMaker({
      tenant: config.tenant,
      pseudonyms,
      partitions,
      trustedProxies: source?.trusted_proxies ?? config.trusted_proxies,
      clamped: (column) => metrics.count('gatewatch_clamped_total', { column }, 1),
    });
  const http = config.sources.find((source) => source.type === 'http');
  const encoder = createBlockEncoder({ partitions, epoch });
  const intake = createIntake({ bus, encoder, line: lineOf(http ?? null), clock, metrics, log });
  return { intake, pseudonyms, lineOf };
}
