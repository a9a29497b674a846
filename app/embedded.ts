import { join } from 'node:path';
import { startServer } from '../api/server.ts';
import { ROW_LAYOUT_VERSION } from '../detector/layout.ts';
import { formatByName } from '../ingest/formats/registry.ts';
import { registerHttpIngest } from '../ingest/sources/http.ts';
import type { EventStore } from '../platform/ports.ts';
import { passOver } from '../platform/stages/pass-over.ts';
import { STORE_GROUP } from '../platform/stages/store-writer.ts';
import { openEmbeddedState } from '../platform/state/embedded.ts';
import { GatewatchError } from '../schemas/errors.ts';
import { agreeOnEpoch, announceConfiguration } from './announce.ts';
import type { App, AppOptions } from './contract.ts';
import { startCore } from './core.ts';
import { healthParts, measureLog, storeLag } from './health-parts.ts';
import { createIngest } from './ingest.ts';
import { openLog, pseudonymKeyOf } from './offline-log.ts';
import { openStore } from './open-store.ts';
import { shapingOf } from './shaping.ts';
import { DEFAULT_HTTP_SOURCE, httpFormat, startFileSources } from './sources.ts';
import { startInOrder } from './stops.ts';
import { startStoreStage } from './store-stage.ts';

/** How often the detector's lag is looked at by somebody who waits for it. */
const LAG_LOOK_MS = 20;

/** The whole pipeline in one process: bus, state, store, detector, intake, sources, listener, in this order. */
export function startEmbedded(options: AppOptions): Promise<App> {
  const { config, clock, log, metrics, wrap } = options;
  const directory = config.data_directory;
  return startInOrder(async (stops) => {
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
    const { store, missing } = await storeOrNone();

    const state = wrap?.state?.(openedState) ?? openedState;
    const detect = await startCore({ config, bus, state, clock, metrics, log });
    stops.push(() => detect.stop());
    detect.done.catch(options.onFailure);

    if (store !== null) {
      const { onFailure } = options;
      const stage = await startStoreStage({ bus, store, generation: opened.generation, log, metrics, onFailure });
      stops.push(() => stage.stop());
    } else {
      await opened.forgetGroup(STORE_GROUP);
      const reader = await passOver(bus, 'decisions');
      stops.push(() => reader.stop());
      reader.done.catch(options.onFailure);
    }

    const { intake, pseudonyms, lineOf } = createIngest({ config, bus, epoch, key, clock, metrics, log });
    stops.push(() => intake.close());
    const http = config.sources.find((source) => source.type === 'http');
    const server = await startServer({
      host: config.listen.host,
      port: config.listen.port,
      log,
      parts: () => healthParts({ bus, intake, store, stages: ['detector', 'store'] }),
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

    const { onFailure } = options;
    const files = startFileSources({ config, bus, intake, lineOf, clock, log, metrics, onFailure });
    stops.push(() => files.stop());
    return {
      url: server.url,
      bus,
      store,
      storeMissing: missing,
      pseudonym: pseudonyms.pseudonym,
      async caughtUp() {
        await files.caughtUp();
        while ((await detect.lag()) > 0 && !stops.stopping()) await pause();
      },
      async stored() {
        while (store !== null && (await storeLag(bus)) > 0 && !stops.stopping()) await pause();
      },
      progress: files.progress,
      stop: stops.stop,
    };

    /** Without the optional engine the pipeline runs, and says that it stores nothing. */
    async function storeOrNone(): Promise<{ store: EventStore | null; missing: string | null }> {
      try {
        const opened = await openStore(config, log);
        if (opened === null) return { store: null, missing: null };
        stops.push(() => opened.close());
        await opened.migrate();
        return { store: wrap?.store?.(opened) ?? opened, missing: null };
      } catch (error) {
        if (!(error instanceof GatewatchError) || error.code !== 'store_missing') throw error;
        return { store: null, missing: error.message };
      }
    }
  });
}

const pause = () => new Promise((resolve) => setTimeout(resolve, LAG_LOOK_MS));
