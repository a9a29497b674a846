import { join } from 'node:path';
import type { Config, Source } from '../config/schema.ts';
import { keyBytes } from '../config/secrets.ts';
import type { EventLine } from '../ingest/event-line.ts';
import { formatByName } from '../ingest/formats/registry.ts';
import { newSourceId } from '../ingest/sources/source-id.ts';
import { type EmbeddedBus, openEmbeddedBus } from '../platform/bus/embedded.ts';
import type { Bus, Clock } from '../platform/ports.ts';
import { loadOrCreatePseudonymKey } from '../platform/pseudonym-key.ts';
import type { DeadLetter } from '../schemas/dead-letter.ts';
import { EMBEDDED_PARTITIONS } from '../schemas/topics.ts';
import { agreeOnEpoch } from './announce.ts';
import { createIngest } from './ingest.ts';
import { shapingOf } from './shaping.ts';
import { settingsOf } from './sources.ts';

/** Opens the event log of a data directory, as the pipeline does. Rejects with `store_locked` while it runs. */
export function openLog(config: Config, clock: Clock): Promise<EmbeddedBus> {
  return openEmbeddedBus({
    directory: join(config.data_directory, 'log'),
    capBytes: config.log.cap_bytes.bytes,
    partitions: { events: EMBEDDED_PARTITIONS, decisions: EMBEDDED_PARTITIONS, 'dead-letter': 1 },
    durability: config.log.durability,
    retentionMs: config.log.retention.ms,
    clock,
  });
}

/** The pseudonym key of an installation: configured, or kept in its data directory. */
export function pseudonymKeyOf(config: Config): Buffer {
  const configured = config.pseudonym_key === undefined ? null : keyBytes(config.pseudonym_key);
  return configured ?? loadOrCreatePseudonymKey(config.data_directory);
}

export interface RetryIntake {
  /**
   * Reads a dead letter's line again, by the present settings of its source. True when it is an event now: it and the
   * mark are durable together. A line that fails again leaves no trace.
   */
  retry(letter: DeadLetter, mark: string): Promise<boolean>;
  close(): Promise<void>;
}

/** An intake for dead letters of one data directory. Each run is a source of its own, since its positions begin anew. */
export async function createRetryIntake(config: Config, bus: Bus, clock: Clock): Promise<RetryIntake> {
  const key = pseudonymKeyOf(config);
  const epoch = await agreeOnEpoch(bus, shapingOf(config, key));
  const source = newSourceId();
  const ignore = () => {};
  const metrics = { count: ignore, gauge: ignore };
  const log = { info: ignore, warn: ignore, error: ignore };
  const { intake, lineOf } = createIngest({ config, bus, epoch, key, clock, metrics, log });
  const lines = new Map<Source | null, EventLine>();
  function lineOfSource(settings: Source | null): EventLine {
    const line = lines.get(settings) ?? lineOf(settings);
    lines.set(settings, line);
    return line;
  }
  let position = 0;
  return {
    async retry(letter, mark) {
      const settings = config.sources.find(({ name }) => name === letter.sourceName) ?? null;
      const named = settings === null || settings.format === 'auto' ? letter.format : settings.format;
      const format = formatByName(named, settings === null ? {} : settingsOf(settings));
      const bytes = Buffer.from(letter.bytes, 'base64');
      if (format.parse(bytes.toString('utf8')).type !== 'ok') return false;
      await intake.accept({
        sourceName: letter.sourceName ?? 'dead-letter',
        source,
        format,
        bytes,
        position: position++,
        step: 'lines',
        line: lineOfSource(settings),
        marks: [{ key: mark, value: '1' }],
      });
      return true;
    },
    close: () => intake.close(),
  };
}
