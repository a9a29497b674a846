import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { App } from '../../app/contract.ts';
import { startApp } from '../../app.ts';
import { createDraws } from '../../bench/eval/draws.ts';
import { createReplayPass } from '../../cli/replay-pass.ts';
import type { Config } from '../../config/schema.ts';
import { checkConfig } from '../../config.ts';
import { formatByName } from '../../ingest/formats/registry.ts';
import { createLineMaker } from '../../ingest/line-maker.ts';
import { createPseudonymizer } from '../../ingest/pseudonym.ts';
import { systemClock } from '../../platform/clock.ts';
import { createLog } from '../../platform/log.ts';
import { createMetrics } from '../../platform/metrics.ts';
import type { DecisionsRecord } from '../../platform/stages/detect.ts';
import { type ReasonCount, reasonQuery } from '../../platform/store/reason-query.ts';
import type { Decision } from '../../schemas/decision.ts';
import { DEFAULT_POLICY } from '../../schemas/policy.ts';
import { requires } from '../support/requires.ts';

const chdb = await import('chdb').then(
  () => true,
  () => false,
);
const directory = mkdtempSync(join(tmpdir(), 'gatewatch-first-hour-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const webLog = gunzipSync(readFileSync(join(import.meta.dirname, '../../../examples/web-log/access.log.gz')));
const webLogPath = join(directory, 'access.log');
writeFileSync(webLogPath, webLog);

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = Date.UTC(2026, 5, 1);

/** Nine ordinary days of a user, then an hour in which somebody else uses the token; some lines come late. */
function stolenToken(): Buffer {
  const draws = createDraws(3);
  const lines: string[] = [];
  const put = (timeMs: number, path: string, status: number, ip: string, agent: string) => {
    const time = new Date(timeMs).toISOString();
    lines.push(
      JSON.stringify({
        time,
        method: 'GET',
        path,
        status,
        client_ip: ip,
        user_agent: agent,
        user: 'alice@example.test',
      }),
    );
  };
  for (let day = 0; day < 9; day++) {
    for (let hour = 8; hour < 18; hour++) {
      const count = 5 + draws.below(20);
      for (let i = 0; i < count; i++) {
        const late = draws.uniform() < 0.1 ? 90_000 : 0;
        const timeMs = START + (day * 24 + hour) * HOUR + 30 * MINUTE + i * 20_000 - late;
        put(
          timeMs,
          `/v1/items/${1000 + draws.below(20)}`,
          200,
          '192.0.2.7',
          'Mozilla/5.0 (Windows NT 10.0) Firefox/126.0',
        );
      }
    }
  }
  for (let i = 0; i < 60 * 60; i++) {
    const timeMs = START + (8 * 24 + 20) * HOUR + i * 1_000;
    const late = draws.uniform() < 0.1 ? 70_000 : 0;
    put(timeMs - late, `/v1/accounts/${100_000 + i}`, i % 4 === 3 ? 403 : 200, '198.51.100.9', 'python-requests/2.32');
  }
  return Buffer.from(`${lines.join('\n')}\n`);
}

const attackPath = join(directory, 'attack.ndjson');
writeFileSync(attackPath, stolenToken());

function settings(): Config {
  const result = checkConfig(
    `
data_directory: ${join(directory, 'data')}
listen: { port: 0 }
sources:
  - { type: file, name: web, path: ${webLogPath}, format: apache }
  - { type: file, name: api, path: ${attackPath}, format: json }
`,
    join(directory, 'gatewatch.yaml'),
    {},
  );
  assert.ok('config' in result);
  return result.config;
}

async function start(): Promise<App> {
  const app = await startApp({
    config: settings(),
    clock: systemClock,
    log: createLog({ level: 'error', target: process.stderr, clock: systemClock }),
    metrics: createMetrics({ strict: true }),
    onFailure: (error) => {
      throw error;
    },
  });
  await app.caughtUp();
  await app.stored();
  return app;
}

function query<T>({ store }: App, sql: string, params?: Readonly<Record<string, unknown>>): Promise<T[]> {
  assert.ok(store !== null, 'the store is open');
  return store.query<T>(sql, params);
}

async function decisionsOf({ bus }: App): Promise<Decision[]> {
  const all: Decision[] = [];
  for (let partition = 0; partition < bus.partitions('decisions'); partition++) {
    for (const { value } of await bus.read('decisions', partition, 0, 10_000)) {
      all.push(...(JSON.parse(value.toString()) as DecisionsRecord).decisions);
    }
  }
  return all;
}

const comparable = (decisions: readonly Decision[]) =>
  decisions
    .map(({ timeMs, kind, action, risk, position, reasons }) =>
      JSON.stringify([
        timeMs,
        kind,
        action,
        risk,
        position,
        reasons.map(({ channel, seen, nats }) => [channel, seen, nats]),
      ]),
    )
    .sort();

test(
  'a real log goes through the live pipeline: each line stored once, and the decisions are those of a replay',
  requires('chdb (optional package)', chdb),
  async () => {
    const lines =
      webLog.toString('latin1').split('\n').length - 1 + readFileSync(attackPath, 'utf8').split('\n').length - 1;
    const app = await start();
    try {
      const count = 'SELECT toUInt32(count()) AS n, toUInt32(uniqExact((source, position))) AS ids FROM events';
      assert.deepEqual(await query(app, count), [{ n: lines, ids: lines }]);

      const key = Buffer.from(readFileSync(join(directory, 'data', 'pseudonym.key'), 'utf8'), 'base64');
      const line = createLineMaker({
        pseudonyms: createPseudonymizer({ key, tenant: 'default' }),
        partitions: 3,
        trustedProxies: [],
        clamped: () => assert.fail(),
      });
      const pass = createReplayPass({ partitions: 3, line, policy: DEFAULT_POLICY });
      pass.read(webLog, formatByName('apache'), '1', 0);
      pass.read(readFileSync(attackPath), formatByName('json'), '2', 0);
      const live = await decisionsOf(app);
      assert.ok(live.length >= 3, `${live.length} decisions`);
      assert.deepEqual(comparable(live), comparable(pass.finish().decisions));

      const stored = await query(app, 'SELECT toUInt32(count()) AS n, toUInt32(uniqExact(id)) AS ids FROM decisions');
      assert.deepEqual(stored, [{ n: live.length, ids: live.length }]);
    } finally {
      await app.stop();
    }
  },
);

test(
  'every reason names a query that finds the stated count in the store',
  requires('chdb (optional package)', chdb),
  async () => {
    const app = await start();
    try {
      const channels = new Set<string>();
      for (const decision of await decisionsOf(app)) {
        assert.ok(decision.reasons.length > 0, decision.action);
        for (const reason of decision.reasons) {
          const { sql, params } = reasonQuery(reason.query);
          const [found] = (await query<ReasonCount>(app, sql, params)) as [ReasonCount];
          assert.deepEqual(found, { seen: reason.query.count, stored: 1 }, JSON.stringify(reason));
          if (typeof reason.seen === 'number') assert.equal(reason.seen, reason.query.count);
          channels.add(reason.channel);
        }
      }
      for (const channel of ['requests', 'objects', 'auth_failures'])
        assert.ok(channels.has(channel), [...channels].join());
    } finally {
      await app.stop();
    }
  },
);

test(
  'a second start goes on where the first was: nothing is read, stored or decided again',
  requires('chdb (optional package)', chdb),
  async () => {
    const app = await start();
    try {
      const before = (await decisionsOf(app)).length;
      const [row] = (await query(
        app,
        'SELECT toUInt32(count()) AS n, toUInt32(uniqExact((source, position))) AS ids FROM events',
      )) as [{ n: number; ids: number }];
      assert.equal(row.n, row.ids);
      assert.equal((await decisionsOf(app)).length, before);
      const health = (await (await fetch(`${app.url}/v1/health`)).json()) as { status: string };
      assert.equal(health.status, 'ok');
      const metrics = await (await fetch(`${app.url}/metrics`)).text();
      assert.match(metrics, /^gatewatch_lag_records\{stage="detector",partition="0"\} \d+$/m);
    } finally {
      await app.stop();
    }
  },
);
