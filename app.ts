import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startServer } from './api/server.ts';
import { agreeOnEpoch, announceConfiguration } from './app/announce.ts';
import type { App, AppOptions } from './app/contract.ts';
import { startDuplicateCheck } from './app/duplicate-check.ts';
import { healthParts, measureLog, storeLag } from './app/health-parts.ts';
import { openLog, pseudonymKeyOf } from './app/offline-log.ts';
import { shapingOf } from './app/shaping.ts';
import { DEFAULT_HTTP_SOURCE, httpFormat, startFileSources } from './app/sources.ts';
import type { Source } from './config/schema.ts';
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
import type { EventStore } from './platform/ports.ts';
import { startDetectStage } from './platform/stages/detect.ts';
import { passOver } from './platform/stages/pass-over.ts';
import { STORE_GROUP, startDecisionWriter, startEventWriter } from './platform/stages/store-writer.ts';
import { openEmbeddedState } from './platform/state/embedded.ts';
import { openEmbeddedStore } from './platform/store/embedded.ts';
import { GatewatchError } from './schemas/errors.ts';
import { EMBEDDED_PARTITIONS } from './schemas/topics.ts';

/** Most identities kept over all partitions: 864 bytes each and their index, so 0.9 GB. */
const ROWS_MAX = 1_000_000;
/** How often the detector's lag is looked at by somebody who waits for it. */
const LAG_LOOK_MS = 20;

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
    const opened = await openLog(config, clock);
    stops.push(() => opened.close());
    const bus = wrap?.bus?.(opened) ?? opened;
    const key = pseudonymKeyOf(config);
    const epoch = await agreeOnEpoch(bus, shapingOf(config, key));
    await announceConfiguration(bus, config.policy, epoch, clock.now());

    const openedState = await openEmbeddedState({
      directory: join(directory, 'state'),
      generation: opened.generation,
      layoutVersion: ROW_LAYOUT_VERSION,
    });
    stops.push(() => openedState.close());
    const { store, missing } = await openStore();

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
      const duplicates = startDuplicateCheck(store, metrics, log);
      stops.push(() => duplicates.stop());
    } else {
      await opened.forgetGroup(STORE_GROUP);
      const reader = await passOver(bus, 'decisions');
      stops.push(() => reader.stop());
      reader.done.catch(options.onFailure);
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
      async metricsText() {
        await measureLog(bus, metrics);
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
        while ((await detect.lag()) > 0 && stopping === null) await pause();
      },
      async stored() {
        while (store !== null && (await storeLag(bus)) > 0 && stopping === null) await pause();
      },
      progress: files.progress,
      stop,
    };
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
      if (!(error instanceof GatewatchError) || error.code !== 'store_missing') throw error;
      return { store: null, missing: error.message };
    }
  }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, LAG_LOOK_MS));
