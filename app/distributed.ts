import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { PartHealth } from '../api/health.ts';
import { startServer } from '../api/server.ts';
import { ROLES } from '../config/roles.ts';
import { ROW_LAYOUT_VERSION } from '../detector/layout.ts';
import { formatByName } from '../ingest/formats/registry.ts';
import type { Intake } from '../ingest/intake.ts';
import { registerHttpIngest } from '../ingest/sources/http.ts';
import { startKafkaSource } from '../ingest/sources/kafka.ts';
import { openKafkaState } from '../platform/kafka/state.ts';
import type { Bus, EventStore } from '../platform/ports.ts';
import { DETECTOR_GROUP } from '../platform/stages/detect.ts';
import { GatewatchError } from '../schemas/errors.ts';
import { agreeOnEpoch, announceConfiguration } from './announce.ts';
import type { App, AppOptions } from './contract.ts';
import { startCore } from './core.ts';
import { healthParts, measureLog, type RunningParts, storeLag } from './health-parts.ts';
import { createIngest, type Ingest } from './ingest.ts';
import { pseudonymKeyOf } from './offline-log.ts';
import { openBus } from './open-bus.ts';
import { openStore } from './open-store.ts';
import { shapingOf } from './shaping.ts';
import { DEFAULT_HTTP_SOURCE, httpFormat, settingsOf, startFileSources } from './sources.ts';
import { type Stops, startInOrder } from './stops.ts';
import { startStoreStage } from './store-stage.ts';
import { type Missing, waitFor } from './wait-for.ts';

/** How often a lag is looked at by somebody who waits for it: each look asks the brokers. */
const LAG_LOOK_MS = 200;

/**
 * One process of a distributed installation, with the roles that it was given. The listener comes first, so that health
 * can say what the rest is waiting for; a broker or a store that is away is waited for.
 */
export function startDistributed(options: AppOptions): Promise<App> {
  const { config, clock, log, metrics, wrap, signal, onFailure } = options;
  const roles = options.roles ?? ROLES;
  const { kafka } = config;
  if (kafka === null) throw new GatewatchError('config_invalid', 'mode: distributed needs the section kafka');
  const missing: Missing = new Map();
  /** What runs already; before that the listener answers for what is missing. */
  let running: RunningParts | null = null;
  let ingest: Ingest | null = null;

  return startInOrder(async (stops) => {
    const url = await listen(stops);
    const opened = await waitFor({
      part: 'kafka',
      missing,
      log,
      signal,
      open: () => openBus(config, kafka, roles, log),
    });
    stops.push(() => opened.close());
    const bus = wrap?.bus?.(opened) ?? opened;
    const key = pseudonymKeyOf(config);
    const epoch = await waitFor({
      ...{ part: 'kafka', missing, log, signal },
      open: async () => {
        const agreed = await agreeOnEpoch(bus, shapingOf(config, key));
        await announceConfiguration(bus, config.policy, agreed, clock.now());
        return agreed;
      },
    });
    running = { bus, intake: null, store: null, stages: [] };

    const detect = roles.includes('core') ? await core() : null;
    const store = roles.includes('serve') ? await serve() : null;
    const made = createIngest({ config, bus, epoch, key, clock, metrics, log });
    const files = roles.includes('ingest') ? await startSources(made) : null;
    running = {
      bus,
      intake: files === null ? null : made.intake,
      store,
      stages: [...(detect === null ? [] : (['detector'] as const)), ...(store === null ? [] : (['store'] as const))],
    };

    return {
      url,
      bus,
      store,
      storeMissing: null,
      pseudonym: made.pseudonyms.pseudonym,
      async caughtUp() {
        await files?.caughtUp();
        while (detect !== null && (await detect.lag()) > 0 && !stops.stopping()) await pause();
      },
      async stored() {
        while (store !== null && (await storeLag(bus)) > 0 && !stops.stopping()) await pause();
      },
      progress: () => files?.progress() ?? { bytesRead: 0, bytesTotal: 0 },
      stop: stops.stop,
    };

    async function core() {
      const directory = join(config.data_directory, 'state');
      const state = await openKafkaState({
        bus: opened,
        group: DETECTOR_GROUP,
        directory,
        layoutVersion: ROW_LAYOUT_VERSION,
      });
      stops.push(() => state.close());
      const stage = await startCore({ config, bus, state: wrap?.state?.(state) ?? state, clock, metrics, log });
      stops.push(() => stage.stop());
      stage.done.catch(onFailure);
      return stage;
    }

    async function serve(): Promise<EventStore | null> {
      const found = await waitFor({ part: 'clickhouse', missing, log, signal, open: () => openStore(config, log) });
      if (found === null) return null;
      stops.push(() => found.close());
      await waitFor({ part: 'clickhouse', missing, log, signal, open: () => found.migrate() });
      const wrapped = wrap?.store?.(found) ?? found;
      const { generation } = opened;
      const stage = await startStoreStage({ bus, store: wrapped, generation, log, metrics, onFailure });
      stops.push(() => stage.stop());
      return wrapped;
    }

    async function startSources(parts: Ingest) {
      const { intake, lineOf } = parts;
      stops.push(() => intake.close());
      for (const source of config.sources) {
        if (source.type !== 'kafka') continue;
        const { name, topic, from, partitions, retention, format } = source;
        const reading = startKafkaSource({
          name,
          topic,
          groupId: `${kafka?.topic_prefix}-ingest-${name}`,
          from,
          partitions,
          retentionMs: retention.ms,
          format: formatByName(format, settingsOf(source)),
          line: lineOf(source),
          origin: opened.generation,
          raw: opened.raw,
          intake,
          clock,
          log,
          metrics,
        });
        stops.push(() => reading.stop());
        reading.done.catch(onFailure);
      }
      const started = startFileSources({ config, bus, intake, lineOf, clock, log, metrics, onFailure });
      stops.push(() => started.stop());
      ingest = parts;
      return started;
    }
  });

  async function listen(stops: Stops): Promise<string> {
    const server = await startServer({
      host: config.listen.host,
      port: config.listen.port,
      log,
      async parts() {
        const waits = [...missing].map(([name, why]): PartHealth => ({ name, ok: false, why }));
        if (running !== null) return [...waits, ...(await healthParts(running))];
        return waits.length > 0 ? waits : [{ name: 'start', ok: false, why: 'the process is starting' }];
      },
      async metricsText() {
        if (running !== null) await measureLog(running.bus, metrics);
        return metrics.text();
      },
      register: (fastify) => {
        if (roles.includes('ingest')) registerIngest(fastify);
      },
    });
    stops.push(() => server.close());
    return server.url;
  }

  function registerIngest(fastify: FastifyInstance): void {
    const http = config.sources.find((source) => source.type === 'http');
    registerHttpIngest(fastify, {
      intake: intakeLater(() => ingest?.intake ?? null),
      bus: busLater(() => running?.bus ?? null),
      clock,
      log,
      sourceName: http?.name ?? DEFAULT_HTTP_SOURCE.name,
      format: http === undefined ? formatByName(DEFAULT_HTTP_SOURCE.format) : httpFormat(http),
      token: config.listen.ingest_token?.reveal() ?? null,
    });
  }
}

/** Until the intake is there, requests are told to come back, as in any other pause. */
function intakeLater(intake: () => Intake | null): Pick<Intake, 'accept' | 'paused' | 'pendingBytes'> {
  const starting = { cause: 'bus_unavailable', why: 'the process is starting' } as const;
  return {
    accept: (batch) => intake()?.accept(batch) ?? Promise.reject(new Error('the intake is not there yet')),
    paused() {
      const made = intake();
      return made === null ? starting : made.paused();
    },
    pendingBytes: () => intake()?.pendingBytes() ?? 0,
  };
}

function busLater(bus: () => Bus | null): Pick<Bus, 'getMark' | 'marks' | 'syncMarks'> {
  return {
    async syncMarks() {
      const there = bus();
      if (there === null) throw new GatewatchError('bus_unavailable', 'the process is starting', { transient: true });
      await there.syncMarks();
    },
    getMark: (key) => bus()?.getMark(key) ?? null,
    marks: (prefix) => bus()?.marks(prefix) ?? [],
  };
}

const pause = () => new Promise((resolve) => setTimeout(resolve, LAG_LOOK_MS));
