import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { createClient } from '@clickhouse/client';
import { ROLES } from '../../config/roles.ts';
import { chdbPresent } from '../support/chdb.ts';
import { startClickHouse } from '../support/clickhouse-process.ts';
import { freePorts } from '../support/kafka/free-ports.ts';
import { kafkaPresent } from '../support/kafka/installation.ts';
import { startBroker } from '../support/kafka-broker.ts';
import { requires } from '../support/requires.ts';
import { startRole } from '../support/role-process.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const PACKAGE = join(import.meta.dirname, '..', '..', '..');
const REQUESTS = 200;
const ARRIVAL_MAX_MS = 90_000;
const LOOK_MS = 250;
/** Far below the default: the log is short, and every decision is one more thing to compare. */
const LADDER = { observe: 1 };

const runs = (program: string, ...words: string[]) => spawnSync(program, words, { stdio: 'ignore' }).status === 0;
const omkafka = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu'].some((directory) =>
  existsSync(join(directory, 'rsyslog', 'omkafka.so')),
);
const present = kafkaPresent() && chdbPresent() && runs('nginx', '-v') && runs('rsyslogd', '-v') && omkafka;

test(
  'a real NGINX log shipped by a real rsyslog through Kafka is stored once, and decided about as replay decides',
  requires('Kafka, chdb, nginx and rsyslog-kafka (test/support/install-services.sh)', present),
  async (t) => {
    const home = temporaryDirectory();
    const programs: ChildProcess[] = [];
    t.after(async () => {
      for (const program of programs) program.kill('SIGKILL');
      await wait(LOOK_MS);
      home.remove();
    });
    const broker = await startBroker();
    t.after(() => broker.dispose());
    const clickhouse = await startClickHouse();
    t.after(() => clickhouse.dispose());
    const [port] = await freePorts(1);

    // The past: a web log of four days. The present: what NGINX writes behind it.
    const log = join(home.path, 'access.log');
    writeFileSync(log, gunzipSync(readFileSync(join(PACKAGE, 'examples', 'web-log', 'access.log.gz'))));
    programs.push(
      startNginx(home.path, log, port as number),
      startRsyslog(home.path, log, broker.brokers[0] as string),
    );
    const settings = {
      mode: 'distributed',
      kafka: { brokers: broker.brokers, partitions: 4, session_timeout: '6s' },
      store: { type: 'server', url: clickhouse.url },
      pseudonym_key: `\${env:KEY}`,
      policy: { ladder: LADDER },
      // One partition: rsyslog spreads lines over partitions without regard to who made the request.
      sources: [{ name: 'edge', type: 'kafka', topic: 'access', format: 'nginx', partitions: 1 }],
    };
    const processes = ROLES.map((role) => startRole(home.path, role, [role], settings, { KEY: 'ab'.repeat(32) }));
    t.after(() => {
      for (const one of processes) one.kill('SIGKILL');
    });
    await Promise.all(processes.map(({ url }) => url));
    for (let i = 0; i < REQUESTS; i++) {
      await fetch(`http://127.0.0.1:${port}/v1/orders/${i % 7}?page=${i}`, { headers: { 'user-agent': 'shop/1.0' } });
    }

    const lines = readFileSync(log, 'utf8').trimEnd().split('\n').length;
    assert.equal(lines, 10_000 + REQUESTS, 'NGINX has written its lines');
    writeFileSync(join(home.path, 'policy.yaml'), JSON.stringify({ ladder: LADDER }));
    const expected = replayed(log, join(home.path, 'policy.yaml'));
    assert.ok(expected.length > 10, 'there is something to compare');

    const client = createClient({ url: clickhouse.url, database: 'gatewatch' });
    t.after(() => client.close());
    const query = async <T>(sql: string) => (await client.query({ query: sql, format: 'JSONEachRow' })).json<T>();
    const count = async (table: string) => {
      try {
        const [row] = await query<{ n: string }>(`SELECT toString(count()) AS n FROM ${table}`);
        return Number(row?.n);
      } catch {
        // The table is not made yet.
        return -1;
      }
    };
    const deadline = Date.now() + ARRIVAL_MAX_MS;
    while ((await count('events')) < lines || (await count('decisions')) < expected.length) {
      if (Date.now() > deadline) {
        const said = processes.map((one) => one.said()).join('\n');
        assert.fail(`${await count('events')} of ${lines} events, ${await count('decisions')} decisions:\n${said}`);
      }
      await wait(LOOK_MS);
    }
    const [events] = await query<{ n: string; once: string }>(
      'SELECT toString(count()) AS n, toString(uniqExact(source, position)) AS once FROM events',
    );
    assert.deepEqual(events, { n: String(lines), once: String(lines) });
    const decisions = await query<Stored>(
      'SELECT toUnixTimestamp64Milli(time) AS ms, action, risk, reasons FROM decisions',
    );
    assert.deepEqual(decisions.map(ofStore).sort(), expected);

    for (const one of processes) one.kill('SIGTERM');
    assert.deepEqual(await Promise.all(processes.map(({ ended }) => ended)), [0, 0, 0]);
  },
);

interface Stored {
  readonly ms: string;
  readonly action: string;
  readonly risk: number;
  readonly reasons: string;
}
interface Reason {
  readonly channel: string;
  readonly tick: string;
  readonly expected: number;
  readonly seen: number | string;
  readonly nats: number;
}

/** What a decision says, without the places of its events: those are the bus's. */
function words(ms: number, action: string, risk: number, reasons: readonly Reason[]): string {
  const said = reasons.map(({ channel, tick, expected, seen, nats }) => [channel, tick, expected, String(seen), nats]);
  return JSON.stringify([ms, action, risk, said]);
}

function ofStore({ ms, action, risk, reasons }: Stored): string {
  return words(Number(ms), action, risk, JSON.parse(reasons) as Reason[]);
}

/** Decisions of `gatewatch replay`, which knows neither Kafka nor a store. */
function replayed(log: string, policy: string): string[] {
  const main = join(import.meta.dirname, '..', '..', 'main.js');
  const arguments_ = [main, 'replay', '--format', 'nginx', '--policy', policy, '--json', log];
  const { stdout, status } = spawnSync(process.execPath, arguments_, { maxBuffer: 64 * 1024 * 1024 });
  assert.equal(status, 0);
  const lines = stdout.toString().trimEnd().split('\n');
  return lines
    .map((line) => JSON.parse(line) as { time: string; action: string; risk: number; reasons: Reason[] })
    .map(({ time, action, risk, reasons }) => words(Date.parse(time), action, risk, reasons))
    .sort();
}

function startNginx(home: string, log: string, port: number): ChildProcess {
  const directory = join(home, 'nginx');
  mkdirSync(directory);
  writeFileSync(
    join(directory, 'nginx.conf'),
    `daemon off; error_log ${directory}/error.log; pid ${directory}/nginx.pid;
events { worker_connections 64; }
http {
  access_log ${log};
  client_body_temp_path ${directory}; proxy_temp_path ${directory}; fastcgi_temp_path ${directory};
  uwsgi_temp_path ${directory}; scgi_temp_path ${directory};
  server { listen 127.0.0.1:${port}; location / { return 200 'ok'; } }
}`,
  );
  return spawn('nginx', ['-p', directory, '-c', join(directory, 'nginx.conf')], { stdio: 'ignore' });
}

function startRsyslog(home: string, log: string, broker: string): ChildProcess {
  const directory = join(home, 'rsyslog');
  mkdirSync(directory);
  writeFileSync(
    join(directory, 'rsyslog.conf'),
    `global(workDirectory="${directory}" maxMessageSize="64k")
module(load="imfile" mode="inotify")
module(load="omkafka")
template(name="line" type="string" string="%msg%")
input(type="imfile" file="${log}" tag="nginx" addMetadata="off" reopenOnTruncate="on" freshStartTail="off")
action(type="omkafka" broker="${broker}" topic="access" template="line" resubmitOnFailure="on"
  confParam=["compression.codec=zstd", "queue.buffering.max.ms=50"] action.resumeRetryCount="-1"
  queue.type="LinkedList" queue.size="100000")
`,
  );
  const arguments_ = ['-n', '-f', join(directory, 'rsyslog.conf'), '-i', join(directory, 'rsyslog.pid')];
  return spawn('rsyslogd', arguments_, { stdio: 'ignore' });
}
