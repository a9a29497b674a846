import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createDraws } from '../../bench/eval/draws.ts';
import type { Role } from '../../config/roles.ts';
import { connectKafka } from '../../platform/kafka/connect.ts';
import { startClickHouse } from '../support/clickhouse-process.ts';
import { startBroker } from '../support/kafka-broker.ts';
import { type RoleProcess, startRole } from '../support/role-process.ts';
import { storedComplaints } from './distributed-stored.ts';
import { LIFE_MAX_MS, LIFE_MIN_MS, SESSION_MS, type Torments, torment } from './distributed-torment.ts';
import { createHttpClient, type HttpClient } from './http-clients.ts';
import type { KillRunOptions } from './kill.ts';
import type { Plan } from './kill-points.ts';
import { KEY, LOW_LADDER } from './settings.ts';
import type { FileWork } from './workload.ts';

export interface DistributedRunResult {
  readonly torments: Readonly<Record<Role, Torments>>;
  /** Times that broker and store were away, killed or stopped. */
  readonly outages: number;
  readonly complaints: readonly string[];
}

const PROGRAM = join(import.meta.dirname, 'distributed-child.js');
const PARTITIONS = 4;
/** How long the broker and the store are away: killed for a short time, stopped beyond the session. */
const AWAY_MS = 4_000;
const STOPPED_MS = SESSION_MS + 2_000;
/** Between two outages. */
const BETWEEN_MS = 2 * LIFE_MAX_MS;
const RETRY_MS = 1_000;
/** The lines come in over the whole time: a stretch of them each second. */
const STRETCH_MS = 1_000;
const STRETCHES_MIN = 20;

/**
 * Role processes on a real broker and a real engine are killed, stopped and started again, each role in its own rhythm,
 * two of them sharing the work of `core`, two that of `serve`; broker and store go away now and then. Meanwhile the
 * workload comes in, its files as raw topics. In the end what is stored must be what the uninterrupted embedded run stored, but for places.
 */
export async function distributedRun(options: KillRunOptions): Promise<DistributedRunResult> {
  const { directory, workload, seed, say } = options;
  const broker = await startBroker();
  // When this one cannot start, the broker's own watchdog ends it with the test.
  const clickhouse = await startClickHouse();
  const running = new Map<string, RoleProcess>();
  const expectedToEnd = new Set<RoleProcess>();
  const failures: string[] = [];
  let ingestUrl: string | null = null;
  let over = false;
  const goesOn = () => failures.length === 0 && !over;
  const stretches = Math.max(STRETCHES_MIN, Math.round((options.kills * (LIFE_MIN_MS + LIFE_MAX_MS)) / 2 / STRETCH_MS));

  function start(name: string, role: Role, plan: Plan | null): void {
    const kafka = { brokers: broker.brokers, partitions: PARTITIONS, session_timeout: `${SESSION_MS}ms` };
    const topics = workload.files.map(({ name: topic, format }) => ({ name: topic, topic, format }));
    const settings = {
      mode: 'distributed',
      kafka,
      store: { type: 'server', url: clickhouse.url },
      checkpoint: { interval: '1s' },
      pseudonym_key: `\${env:KEY}`,
      policy: { ladder: LOW_LADDER },
      sources: [
        ...topics.map((topic) => ({ type: 'kafka', partitions: 1, ...topic })),
        { type: 'http', name: 'push', format: 'json' },
      ],
    };
    const program = (config: string) => [PROGRAM, config, role, JSON.stringify(plan)];
    const started = startRole(directory, name, [role], settings, { KEY }, program);
    running.set(name, started);
    if (role === 'ingest') {
      ingestUrl = null;
      started.url.then(
        (url) => {
          if (running.get(name) === started) ingestUrl = url;
        },
        () => undefined,
      );
    }
    void started.ended.then((code) => {
      if (code === null || over || (code === 0 && expectedToEnd.has(started))) return;
      failures.push(`${name} ended by itself with ${code}:\n${started.said()}`);
    });
  }

  function tormentRole(role: Role, names: readonly string[], stream: number): Promise<Torments> {
    return torment({
      ...{ role, names, directory, kills: options.kills, draws: createDraws(seed + stream), say, goesOn },
      running: (name) => running.get(name) as RoleProcess,
      leaving: (process_) => void expectedToEnd.add(process_),
      start: (name, plan) => start(name, role, plan),
      failed: (why) => void failures.push(why),
    });
  }

  /** Broker and store in turn: killed and started, then stopped and woken. The first two come whatever happens. */
  async function outages(enough: () => boolean): Promise<number> {
    let done = 0;
    for (; goesOn() && (done < 2 || !enough()); done++) {
      const [what, it] = done % 2 === 0 ? (['broker', broker] as const) : (['store', clickhouse] as const);
      await wait(done === 0 ? LIFE_MAX_MS : BETWEEN_MS / 2);
      if (done % 4 < 2) {
        await it.kill();
        await wait(AWAY_MS);
        await it.start();
      } else {
        it.pause();
        await wait(STOPPED_MS);
        it.resume();
      }
      say(`${what} was ${done % 4 < 2 ? 'killed' : 'stopped'} and is there again`);
    }
    return done;
  }

  const producer = connectKafka({ brokers: broker.brokers, clientId: 'driver', tls: null, sasl: null }).producer({
    idempotent: true,
    retry: { retries: 100, maxRetryTime: 2_000 },
  });

  async function send(file: FileWork): Promise<void> {
    const size = Math.ceil(file.lines.length / stretches);
    for (let at = 0; at < file.lines.length && goesOn(); at += size) {
      const messages = file.lines.slice(at, at + size).map(({ text }) => ({ value: text.trimEnd() }));
      // Sent again with the same sequence numbers by the same producer, which the broker takes once.
      for (let sent = false; !sent; ) {
        sent = await producer.send({ topic: file.name, messages }).then(
          () => true,
          () => wait(RETRY_MS, false),
        );
      }
      await wait(STRETCH_MS);
    }
  }

  async function post(client: HttpClient, batches: number): Promise<void> {
    for (let stretch = 1; stretch <= stretches && goesOn(); stretch++) {
      await client.sendUpTo(Math.ceil((batches * stretch) / stretches));
      await wait(STRETCH_MS);
    }
  }

  try {
    for (const name of ['ingest', 'core-1', 'core-2', 'serve-1', 'serve-2'])
      start(name, name.replace(/-\d$/, '') as Role, null);
    await Promise.all([...running.values()].map(({ url }) => url));
    await producer.connect();
    const clients = workload.clients.map((work, i) => createHttpClient(work, () => ingestUrl, createDraws(seed + i)));
    let finished = false;
    const away = outages(() => finished);
    const sending = Promise.all([
      ...workload.files.map(send),
      ...clients.map((client, i) => post(client, workload.clients[i]?.batches.length ?? 0)),
    ]);
    const [ingest, core, serve] = await Promise.all([
      tormentRole('ingest', ['ingest'], 101),
      tormentRole('core', ['core-1', 'core-2'], 102),
      tormentRole('serve', ['serve-1', 'serve-2'], 103),
    ]);
    finished = true;
    if (goesOn()) await Promise.all([sending, away]);
    else for (const client of clients) client.stop();
    say('all was sent');
    const { url } = clickhouse;
    const found = goesOn() ? await storedComplaints({ ...options, url, goesOn }) : [];
    const said = found.length === 0 ? [] : [...running].map(([name, one]) => `${name} said:\n${one.said()}`);
    return { torments: { ingest, core, serve }, outages: await away, complaints: [...failures, ...found, ...said] };
  } finally {
    over = true;
    for (const one of running.values()) one.kill('SIGKILL');
    await producer.disconnect().catch(() => undefined);
    await Promise.all([broker.dispose(), clickhouse.dispose()]);
  }
}
