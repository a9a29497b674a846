import type { Config, Source } from '../config/schema.ts';
import type { EventLine } from '../ingest/event-line.ts';
import type { LineFormat } from '../ingest/formats/format.ts';
import { type FormatSettings, formatByName } from '../ingest/formats/registry.ts';
import type { Intake } from '../ingest/intake.ts';
import { createFileSource, type FileSource } from '../ingest/sources/file.ts';
import type { Bus, Clock, Logger, Metrics } from '../platform/ports.ts';
import { formatOfFile } from './auto-format.ts';

/** The HTTP source of an installation that names none: JSON lines with usual names. */
export const DEFAULT_HTTP_SOURCE = { name: 'http', format: 'json' } as const;

export function settingsOf(source: Source): FormatSettings {
  return {
    ...(source.mapping === undefined ? {} : { mapping: source.mapping }),
    ...(source.zone === undefined ? {} : { zoneOffsetMinutes: source.zone.minutes }),
  };
}

/** Format of the HTTP source. `auto` reads JSON: bodies of several clients have no first lines to go by. */
export function httpFormat(source: Source): LineFormat {
  return formatByName(source.format === 'auto' ? DEFAULT_HTTP_SOURCE.format : source.format, settingsOf(source));
}

export interface FileSources {
  /** Resolves when every file that is there has been read to its end and is durable. */
  caughtUp(): Promise<void>;
  progress(): { bytesRead: number; bytesTotal: number };
  stop(): Promise<void>;
}

/**
 * Starts the file sources. One whose format is to be found waits for its first line without holding up the others.
 * `onFailure` hears of a source that cannot go on.
 */
export function startFileSources(options: {
  config: Config;
  bus: Bus;
  intake: Intake;
  lineOf(source: Source): EventLine;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  onFailure(error: unknown): void;
}): FileSources {
  const { config, bus, intake, clock, log, metrics } = options;
  const stopping = new AbortController();
  const running: FileSource[] = [];
  const starts = config.sources.map(async (source) => {
    if (source.type !== 'file') return;
    const format = await formatOfFile(bus, source, settingsOf(source), log, stopping.signal);
    if (format === null || stopping.signal.aborted) return;
    const line = options.lineOf(source);
    const { name, path, from } = source;
    const file = createFileSource({
      name,
      path,
      from,
      format,
      intake: { accept: (batch) => intake.accept({ ...batch, line }) },
      bus,
      clock,
      log,
      metrics,
    });
    running.push(file);
    file.done.catch(options.onFailure);
    await file.start();
  });
  for (const start of starts) start.catch(options.onFailure);
  return {
    async caughtUp() {
      await Promise.all(starts);
      await Promise.all(running.map((file) => file.caughtUp()));
    },
    progress() {
      const all = running.map((file) => file.progress());
      const sum = (of: (progress: (typeof all)[number]) => number) => all.reduce((total, one) => total + of(one), 0);
      return { bytesRead: sum((one) => one.bytesRead), bytesTotal: sum((one) => one.bytesTotal) };
    },
    async stop() {
      stopping.abort();
      await Promise.allSettled(starts);
      await Promise.all(running.map((file) => file.stop()));
    },
  };
}
