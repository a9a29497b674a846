import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createDraws, type Draws } from '../../bench/eval/draws.ts';
import type { Role } from '../../config/roles.ts';
import { connectKafka } from '../../platform/kafka/connect.ts';
import { openServerStore } from '../../platform/store/server.ts';
import { startClickHouse } from '../support/clickhouse-process.ts';
import { startBroker } from '../support/kafka-broker.ts';
import { type RoleProcess, startRole } from '../support/role-process.ts';
import { dumpComplaints } from './comparison.ts';
import { createHttpClient } from './http-clients.ts';
import { KEY, LOW_LADDER } from './settings.ts';
import { countRows, dumpRows } from './stored-rows.ts';
import type { Workload } from './workload.ts';

export interface DistributedRunOptions {
  /** New, for the run alone. */
  readonly directory: string;
  readonly workload: Workload;
  /** Dump of the uninterrupted embedded run. */
  readonly reference: string;
  /** SIGKILLs of each role. */
  readonly kills: number;
  readonly seed: number;
  readonly say: (text: string) => void;
}

export interface DistributedRunResult {
  readonly kills: Readonly<Record<Role, number>>;
  /** Cores that were stopped beyond their session and woken. */
  readonly pauses: number;
  readonly complaints: readonly string[];
}

const PARTITIONS = 4;
/** The least that a broker allows by itself. */
const SESSION_MS = 6_000;
/** A process lives at most so long: it joins, reads, saves and stores in between. */
const LIFE_MS = 9_000;
/** A process is killed at the earliest after so long: sooner it has hardly begun to start. */
const LIFE_MIN_MS = 1_500;
/** One core in so many is not killed but stopped until the others have its partitions, and woken. */
const PAUSE_ONE_IN = 4;
/** How long the broker and the store are away. */
const OUTAGE_MS = 4_000;
const SETTLE_MAX_MS = 180_000;
const LOOK_MS = 1_000;
/** Stretches in which the lines of a topic are sent, from the first kill to the last. */
const STRETCHES = 40;

/**
 * Role processes on a real broker and a real engine are killed and started again, each role in its own rhythm, two of them
 * sharing the work of `core`; broker and store go away once. Meanwhile the workload comes in, its files as raw topics. In
 * the end what is stored must be what the uninterrupted embedded run stored, but for places.
 */
export async function distributedRun(options: DistributedRunOptions): Promise<DistributedRunResult> {
  const { directory, workload, say } = options;
  const kills: Record<Role, number> = { ingest: 0, core: 0, serve: 0 };
  let pauses = 0;
  const [broker, clickhouse] = await Promise.all([startBroker(), startClickHouse()]);
  const running = new Map<string, RoleProcess>();
  const failures: string[] = [];
  let ingestUrl: string | null = null;
  let over = false;

  function start(name: string, role: Role): RoleProcess {
    const settings = {
      mode: 'distributed',
      kafka: { brokers: broker.brokers, partitions: PARTITIONS, session_timeout: `${SESSION_MS}ms` },
      store: { type: 'server', url: clickhouse.url },
      checkpoint: { interval: '1s' },
      pseudonym_key: `\${env:KEY}`,
      policy: { ladder: LOW_LADDER },
      sources: [
        ...workload.files.map(({ name: topic, format }) => ({
          name: topic,
          type: 'kafka',
          topic,
          format,
          partitions: 1,
        })),
        { type: 'http', name: 'push', format: 'json' },
      ],
    };
    const started = startRole(directory, name, [role], settings, { KEY });
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
      if (code !== null && !over) failures.push(`${name} ended by itself with ${code}:\n${started.said()}`);
    });
    return started;
  }

  /** Kills the processes of one role, one after the other, until it has had its share. */
  async function torment(names: readonly string[], role: Role, own: Draws): Promise<void> {
    while (kills[role] < options.kills && failures.length === 0) {
      await wait(LIFE_MIN_MS + own.below(LIFE_MS - LIFE_MIN_MS));
      const name = names[own.below(names.length)] as string;
      const victim = running.get(name) as RoleProcess;
      if (names.length > 1 && own.below(PAUSE_ONE_IN) === 0) {
        victim.kill('SIGSTOP');
        await wait(SESSION_MS + LOOK_MS + own.below(SESSION_MS));
        victim.kill('SIGCONT');
        pauses += 1;
        continue;
      }
      victim.kill('SIGKILL');
      await victim.ended;
      kills[role] += 1;
      say(`${role} killed ${kills[role]} times, ${pauses} pauses`);
      start(name, role);
    }
  }

  async function outages(): Promise<void> {
    await wait(LIFE_MS);
    await broker.kill();
    await wait(OUTAGE_MS);
    await broker.start();
    await wait(LIFE_MS);
    await clickhouse.kill();
    await wait(OUTAGE_MS);
    await clickhouse.start();
    say('broker and store were away');
  }

  try {
    const producer = connectKafka({ brokers: broker.brokers, clientId: 'driver', tls: null, sasl: null }).producer({
      idempotent: true,
      retry: { retries: 100, maxRetryTime: 2_000 },
    });
    start('ingest', 'ingest');
    start('core-1', 'core');
    start('core-2', 'core');
    start('serve', 'serve');
    await Promise.all([...running.values()].map(({ url }) => url));
    await producer.connect();

    const clients = workload.clients.map((work, i) =>
      createHttpClient(work, () => ingestUrl, createDraws(options.seed + i)),
    );
    const stretchMs = (options.kills * (LIFE_MIN_MS + LIFE_MS)) / 2 / STRETCHES;
    async function send(file: Workload['files'][number]): Promise<void> {
      const size = Math.ceil(file.lines.length / STRETCHES);
      for (let at = 0; at < file.lines.length && failures.length === 0; at += size) {
        const messages = file.lines.slice(at, at + size).map(({ text }) => ({ value: text.trimEnd() }));
        // Sent again with the same sequence numbers by the same producer, which the broker takes once.
        for (let sent = false; !sent; ) {
          sent = await producer.send({ topic: file.name, messages }).then(
            () => true,
            () => wait(LOOK_MS, false),
          );
        }
        await wait(stretchMs);
      }
    }
    async function post(client: (typeof clients)[number], batches: number): Promise<void> {
      for (let stretch = 1; stretch <= STRETCHES && failures.length === 0; stretch++) {
        await client.sendUpTo(Math.ceil((batches * stretch) / STRETCHES));
        await wait(stretchMs);
      }
    }
    await Promise.all([
      ...workload.files.map(send),
      ...clients.map((client, i) => post(client, workload.clients[i]?.batches.length ?? 0)),
      torment(['ingest'], 'ingest', createDraws(options.seed + 101)),
      torment(['core-1', 'core-2'], 'core', createDraws(options.seed + 102)),
      torment(['serve'], 'serve', createDraws(options.seed + 103)),
      outages(),
    ]);
    await producer.disconnect();
    say('all was sent');
    const complaints = failures.length > 0 ? failures : await settled();
    return { kills, pauses, complaints };
  } finally {
    over = true;
    for (const one of running.values()) one.kill('SIGKILL');
    await Promise.all([broker.dispose(), clickhouse.dispose()]);
  }

  /** Waits until what is stored is what it should be; says what is wrong when that takes too long, or too much is there. */
  async function settled(): Promise<string[]> {
    const store = await openServerStore({
      ...{ url: clickhouse.url, database: 'gatewatch', username: 'default', password: null, tls: null, cluster: null },
    });
    const dump = join(directory, 'dump.ndjson');
    const expected = join(directory, 'expected.ndjson');
    writeFileSync(expected, withoutPlaces(options.reference));
    const accepted =
      [...workload.files.flatMap(({ lines }) => lines)].filter((line) => line.accepted).length +
      workload.clients.flatMap(({ batches }) => batches).reduce((sum, batch) => sum + batch.accepted, 0);
    const deadline = Date.now() + SETTLE_MAX_MS;
    for (;;) {
      const { events, distinctEvents, decisions, distinctDecisions, rolledUp } = await countRows(store);
      const complaints: string[] = [];
      if (events !== accepted || distinctEvents !== accepted) {
        complaints.push(`${events} events stored, ${distinctEvents} distinct, of ${accepted}`);
      } else if (rolledUp !== accepted) complaints.push(`${rolledUp} requests in the roll-up, of ${accepted}`);
      else if (decisions !== distinctDecisions)
        complaints.push(`${decisions} decisions, ${distinctDecisions} distinct`);
      else {
        await dumpRows(store, dump);
        writeFileSync(dump, withoutPlaces(dump));
        complaints.push(...dumpComplaints(dump, expected));
      }
      if (complaints.length === 0 || failures.length > 0 || Date.now() > deadline) {
        await store.close();
        if (complaints.length > 0) for (const one of running.values()) complaints.push(one.said());
        return [...complaints, ...failures];
      }
      await wait(LOOK_MS);
    }
  }
}

/** A dump without sources and positions, sorted: raw topics count otherwise than files. */
function withoutPlaces(path: string): string {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  const places = new Set(['source', 'position']);
  return lines
    .map(
      (line) =>
        `${JSON.stringify(JSON.parse(line), (name, value: unknown) => (places.has(name) ? undefined : value))}\n`,
    )
    .sort()
    .join('');
}
