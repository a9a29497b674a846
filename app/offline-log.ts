import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { keyBytes } from '../config/secrets.ts';
import { createBlockEncoder } from '../ingest/encoder.ts';
import type { EventLine } from '../ingest/event-line.ts';
import { formatByName } from '../ingest/formats/registry.ts';
import { createIntake } from '../ingest/intake.ts';
import { createLineMaker } from '../ingest/line-maker.ts';
import { createPseudonymizer } from '../ingest/pseudonym.ts';
import { newSourceId } from '../ingest/sources/source-id.ts';
import { type EmbeddedBus, openEmbeddedBus } from '../platform/bus/embedded.ts';
import type { Bus, Clock } from '../platform/ports.ts';
import { loadOrCreatePseudonymKey } from '../platform/pseudonym-key.ts';
import type { DeadLetter } from '../schemas/dead-letter.ts';
import { EMBEDDED_PARTITIONS } from '../schemas/topics.ts';
import { agreeOnEpoch } from './announce.ts';
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
  const pseudonyms = createPseudonymizer({ key, tenant: config.tenant });
  const epoch = await agreeOnEpoch(bus, shapingOf(config, key));
  const source = newSourceId();
  const ignore = () => {};
  const lineOf = (trustedProxies: readonly string[]) =>
    createLineMaker({
      tenant: config.tenant,
      pseudonyms,
      partitions: EMBEDDED_PARTITIONS,
      trustedProxies,
      clamped: ignore,
    });
  const intake = createIntake({
    bus,
    encoder: createBlockEncoder({ partitions: EMBEDDED_PARTITIONS, epoch }),
    line: lineOf(config.trusted_proxies),
    clock,
    metrics: { count: ignore, gauge: ignore },
    log: { info: ignore, warn: ignore, error: ignore },
  });
  const lines = new Map<string, EventLine>();
  function lineOfSource(name: string | null, trustedProxies: readonly string[]): EventLine {
    const known = lines.get(name ?? '');
    if (known !== undefined) return known;
    const made = lineOf(trustedProxies);
    lines.set(name ?? '', made);
    return made;
  }
  let position = 0;
  return {
    async retry(letter, mark) {
      const settings = config.sources.find(({ name }) => name === letter.sourceName);
      const named = settings === undefined || settings.format === 'auto' ? letter.format : settings.format;
      const format = formatByName(named, settings === undefined ? {} : settingsOf(settings));
      const bytes = Buffer.from(letter.bytes, 'base64');
      if (format.parse(bytes.toString('utf8')).type !== 'ok') return false;
      await intake.accept({
        sourceName: letter.sourceName ?? 'dead-letter',
        source,
        format,
        bytes,
        position: position++,
        step: 'lines',
        line: lineOfSource(letter.sourceName, settings?.trusted_proxies ?? config.trusted_proxies),
        marks: [{ key: mark, value: '1' }],
      });
      return true;
    },
    close: () => intake.close(),
  };
}
