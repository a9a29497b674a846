import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startServer } from './api/server.ts';
import { agreeOnEpoch, announceConfiguration } from './app/announce.ts';
import { healthParts, measureLog, storeLag } from './app/health-parts.ts';
import { DEFAULT_HTTP_SOURCE, httpFormat, startFileSources } from './app/sources.ts';
import type { Config, Source } from './config/schema.ts';
import { keyBytes } from './config/secrets.ts';
import { DEFAULT_PRIORS } from './detector/data/default-priors.ts';
import { ROOT_CALIBRATION } from './detector/data/root-calibration.ts';
import { createEngine } from './detector/engine.ts';
import { ROW_LAYOUT_VERSION } from './detector/layout.ts';
import { createBlockEncoder } from './ingest/encoder.ts';
import type { EventLine } from './ingest/event-line.ts';
import { formatByName } from './ingest/formats/registry.ts';
import { createIntake } from './ingest/intake.ts';
import { createLineMaker } from './ingest/line-maker.ts';
import { createPseudonymizer } from './ingest/pseudonym.ts';
import { registerHttpIngest } from './ingest/sources/http.ts';
import { openEmbeddedBus } from './platform/bus/embedded.ts';
import type { MetricsRegistry } from './platform/metrics.ts';
import type { Bus, Clock, EventStore, Logger, StateStore } from './platform/ports.ts';
import { loadOrCreatePseudonymKey } from './platform/pseudonym-key.ts';
import { startDetectStage } from './platform/stages/detect.ts';
import { startDecisionWriter, startEventWriter } from './platform/stages/store-writer.ts';
import { openEmbeddedState } from './platform/state/embedded.ts';
import { openEmbeddedStore } from './platform/store/embedded.ts';
import { GatewatchError } from './schemas/errors.ts';
import type { IdentityKind } from './schemas/identity.ts';
import { EMBEDDED_PARTITIONS } from './schemas/topics.ts';

/** Most identities kept over all partitions: 1 KiB each, so 1 GiB. */
const ROWS_MAX = 1_000_000;
/** How often the detector's lag is looked at by somebody who waits for it. */
const LAG_LOOK_MS = 20;

export interface AppOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: MetricsRegistry;
  /** Hears of a part that died; the caller stops the app. */
  readonly onFailure: (error: unknown) => void;
  /** Stand between a part and the rest, for fault tests. */
  readonly wrap?: {
    bus?(bus: Bus): Bus;
    state?(state: StateStore): StateStore;
    store?(store: EventStore): EventStore;
  };
}

export interface App {
  readonly url: string;
  readonly bus: Bus;
  /** null: nothing is stored, because it is switched off or the engine is not installed. */
  readonly store: EventStore | null;
  /** Why there is no store although one was asked for. */
  readonly storeMissing: string | null;
  /** The pseudonym that this installation gives an identity. */
  pseudonym(kind: IdentityKind, value: string): string;
  /** Resolves when the file sources are read to their end and the detector has seen all of it. */
  caughtUp(): Promise<void>;
  /** Resolves when all events and decisions on the bus are in the store; at once when there is none. */
  stored(): Promise<void>;
  progress(): { bytesRead: number; bytesTotal: number };
  /** Stops in reverse order: sources first, so that what was accepted is finished. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts the embedded pipeline: bus, state, store, detector, intake, sources, listener, in this order. When a step fails,
 * what had been started is stopped again and the error is passed on.
 */
export async function startApp(options: AppOptions): Promise<App> {
  const { config, clock, log, metrics, wrap } = options;
  const directory = config.data_directory;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const stops: (() => Promise<void>)[] = [];
  let stopping: Promise<void> | null = null;
  const stop = () => {
    stopping ??= (async () => {
      for (const one of stops.reverse()) await one();
    })();
    return stopping;
  };
  try {
    return await start();
  } catch (error) {
    await stop();
    throw error;
  }

  async function start(): Promise<App> {
    const opened = await openEmbeddedBus({
      directory: join(directory, 'log'),
      capBytes: config.log.cap_bytes.bytes,
      partitions: { events: EMBEDDED_PARTITIONS, decisions: EMBEDDED_PARTITIONS, 'dead-letter': 1 },
      durability: config.log.durability,
      retentionMs: config.log.retention.ms,
      clock,
    });
    stops.push(() => opened.close());
    const bus = wrap?.bus?.(opened) ?? opened;
    const key = pseudonymKey();
    const epoch = await agreeOnEpoch(bus, shapingOf(config, key));
    await announceConfiguration(bus, config.policy, epoch, clock.now());

    const openedState = await openEmbeddedState({
      directory: join(directory, 'state'),
      generation: opened.generation,
      layoutVersion: ROW_LAYOUT_VERSION,
    });
    stops.push(() => openedState.close());
    const { store, missing } = await openStore();
    if (store === null) await opened.forgetGroup('store');

    const detect = await startDetectStage({
      bus,
      state: wrap?.state?.(openedState) ?? openedState,
      engineFor: () =>
        createEngine({
          priors: [DEFAULT_PRIORS],
          calibrations: [ROOT_CALIBRATION],
          rowsMax: Math.ceil(ROWS_MAX / EMBEDDED_PARTITIONS),
        }),
      clock,
      metrics,
      log,
      checkpointMs: config.checkpoint.interval.ms,
      checkpointEvents: config.checkpoint.events,
    });
    stops.push(() => detect.stop());
    detect.done.catch(options.onFailure);

    if (store !== null) {
      const writing = { bus, store, log, metrics, generation: opened.generation };
      for (const startWriter of [startEventWriter, startDecisionWriter]) {
        const writer = await startWriter(writing);
        stops.push(() => writer.stop());
        writer.done.catch(options.onFailure);
      }
    }

    const pseudonyms = createPseudonymizer({ key, tenant: config.tenant });
    const lineOf = (source: Source | null): EventLine =>
      createLineMaker({
        tenant: config.tenant,
        pseudonyms,
        partitions: EMBEDDED_PARTITIONS,
        trustedProxies: source?.trusted_proxies ?? config.trusted_proxies,
        clamped: (column) => metrics.count('gatewatch_clamped_total', { column }, 1),
      });
    const http = config.sources.find((source) => source.type === 'http');
    const intake = createIntake({
      bus,
      encoder: createBlockEncoder({ partitions: EMBEDDED_PARTITIONS, epoch }),
      line: lineOf(http ?? null),
      clock,
      metrics,
      log,
    });
    stops.push(() => intake.close());

    const server = await startServer({
      host: config.listen.host,
      port: config.listen.port,
      log,
      parts: () => healthParts(bus, intake, store),
      metricsText() {
        measureLog(bus, metrics);
        return metrics.text();
      },
      register: (fastify) =>
        registerHttpIngest(fastify, {
          intake,
          bus,
          clock,
          log,
          sourceName: http?.name ?? DEFAULT_HTTP_SOURCE.name,
          format: http === undefined ? formatByName(DEFAULT_HTTP_SOURCE.format) : httpFormat(http),
          token: config.listen.ingest_token?.reveal() ?? null,
        }),
    });
    stops.push(() => server.close());

    const files = startFileSources({
      config,
      bus,
      intake,
      lineOf,
      clock,
      log,
      metrics,
      onFailure: options.onFailure,
    });
    stops.push(() => files.stop());
    return {
      url: server.url,
      bus,
      store,
      storeMissing: missing,
      pseudonym: pseudonyms.pseudonym,
      async caughtUp() {
        await files.caughtUp();
        while (detect.lag() > 0 && stopping === null) await pause();
      },
      async stored() {
        while (store !== null && storeLag(bus) > 0 && stopping === null) await pause();
      },
      progress: files.progress,
      stop,
    };
  }

  function pseudonymKey(): Buffer {
    const configured = config.pseudonym_key === undefined ? null : keyBytes(config.pseudonym_key);
    return configured ?? loadOrCreatePseudonymKey(directory);
  }

  async function openStore(): Promise<{ store: EventStore | null; missing: string | null }> {
    if (config.store.type === 'none') return { store: null, missing: null };
    try {
      const opened = await openEmbeddedStore({
        directory: join(directory, 'store'),
        memoryLimitBytes: config.store.memory_limit.bytes,
      });
      stops.push(() => opened.close());
      await opened.migrate();
      return { store: wrap?.store?.(opened) ?? opened, missing: null };
    } catch (error) {
      if (!(error instanceof GatewatchError) || error.code !== 'store_unavailable') throw error;
      return { store: null, missing: error.message };
    }
  }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, LAG_LOOK_MS));

/** What shapes event lines; the key as a fingerprint. */
function shapingOf(config: Config, key: Buffer): unknown {
  return {
    tenant: config.tenant,
    key: createPseudonymizer({ key, tenant: 'epoch' }).pseudonym('service', 'fingerprint'),
    sources: config.sources.map(({ name, format, mapping, zone, trusted_proxies }) => ({
      name,
      format,
      mapping,
      zone: zone?.minutes,
      trusted_proxies,
    })),
  };
}
