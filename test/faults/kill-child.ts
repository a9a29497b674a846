import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import type { App } from '../../app/contract.ts';
import { startApp } from '../../app.ts';
import type { Config } from '../../config/schema.ts';
import { checkConfig } from '../../config.ts';
import { systemClock } from '../../platform/clock.ts';
import { createLog } from '../../platform/log.ts';
import { createMetrics } from '../../platform/metrics.ts';
import type { EventStore } from '../../platform/ports.ts';
import { type BatchLimits, DEFAULT_LIMITS } from '../../platform/stages/store-writer.ts';
import type { ChildOptions, Command } from './child-protocol.ts';
import { withoutGuards } from './guards.ts';
import {
  busWithKillPoints,
  type Condition,
  createKillSwitch,
  stateWithKillPoints,
  storeWithKillPoints,
} from './kill-points.ts';
import { KEY, LOW_LADDER } from './settings.ts';
import { countStored, dumpStored } from './stored-rows.ts';

// The program as a process to be killed: the app with short intervals, kill points at its ports, and a control channel:
// commands on descriptor 3, answers on standard output. Logs go to standard error.

const LOOK_MS = 20;
/** Rows wait for others no longer than this before they are stored: a child lives for seconds. */
const STORE_WAIT_MS = 300;
const COMMANDS_FD = 3;

const options = JSON.parse(process.argv[2] ?? '{}') as ChildOptions;

/** Settings as the program reads them, with shorter intervals and smaller sizes than it allows. */
function settings(): Config {
  const written = {
    data_directory: options.directory,
    listen: { port: 0 },
    pseudonym_key: `\${env:KEY}`,
    sources: [
      ...options.files.map(({ name, path, format }) => ({ type: 'file', name, path, format })),
      { type: 'http', name: 'push', format: 'json' },
    ],
  };
  // JSON is YAML.
  const result = checkConfig(JSON.stringify(written), 'kill.yaml', { KEY });
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  const { config } = result;
  return {
    ...config,
    policy: { ...config.policy, ladder: LOW_LADDER },
    checkpoint: { ...config.checkpoint, interval: { ms: options.checkpointMs } },
    log: { ...config.log, cap_bytes: { bytes: options.capBytes ?? config.log.cap_bytes.bytes } },
  };
}

let releaseInserts = () => {};
const insertsReleased = new Promise<void>((resolve) => {
  releaseInserts = resolve;
});
if (options.insertsHeld !== true) releaseInserts();

function holdingInserts(store: EventStore): EventStore {
  return {
    ...store,
    async insert(insert) {
      await insertsReleased;
      await store.insert(insert);
    },
  };
}

let app: App;

async function until(condition: Condition): Promise<void> {
  if (condition === 'stored') return app.stored();
  const bytes = () => app.bus.usage()?.bytes ?? 0;
  const before = bytes();
  while (bytes() <= before) await wait(LOOK_MS);
}

async function checkpointed(): Promise<void> {
  const behind = async () => {
    for (let partition = 0; partition < app.bus.partitions('events'); partition++) {
      if (
        (await app.bus.endOffset('events', partition)) >
        ((await app.bus.committed('detector', 'events', partition)) ?? 0)
      )
        return true;
    }
    return false;
  };
  while (await behind()) await wait(LOOK_MS);
}

async function carryOut(command: Command): Promise<unknown> {
  switch (command.do) {
    case 'arm':
      return kill.arm(command.plan);
    case 'settle':
      await app.caughtUp();
      if (command.checkpointed) await checkpointed();
      return app.stored();
    case 'count':
      return countStored(app);
    case 'dump':
      return dumpStored(app, command.path);
    case 'release-inserts':
      return releaseInserts();
    case 'stop':
      return app.stop();
  }
}

const say = (line: unknown) => writeSync(1, `${JSON.stringify(line)}\n`);
const kill = createKillSwitch(until);
if (options.plan !== undefined) kill.arm(options.plan);
// No setting and no option of the app reaches this.
Object.assign(DEFAULT_LIMITS, { waitMs: STORE_WAIT_MS } satisfies Partial<BatchLimits>);
const unguarded = withoutGuards(new Set(options.guardsOff), kill);
const log = createLog({ level: 'warn', target: process.stderr, clock: systemClock });
app = await startApp({
  config: settings(),
  clock: systemClock,
  log,
  metrics: createMetrics({ strict: true }),
  onFailure(error) {
    log.error({ err: error }, 'a part of the pipeline failed');
    console.error(error);
    process.exit(1);
  },
  wrap: {
    bus: (bus) => unguarded.bus(busWithKillPoints(bus, kill)),
    state: (state) => unguarded.state(stateWithKillPoints(state, kill)),
    store: (store) => unguarded.store(storeWithKillPoints(holdingInserts(store), kill)),
  },
});
if (app.store === null) throw new Error(`no store: ${app.storeMissing}`);
say({ url: app.url });
for await (const line of createInterface({ input: new Socket({ fd: COMMANDS_FD }) })) {
  const { id, ...command } = JSON.parse(line) as Command & { id: number };
  carryOut(command as Command).then(
    (result) => {
      say({ id, result: result ?? null });
      if (command.do === 'stop') process.exit(0);
    },
    (error: Error) => say({ id, error: error.message }),
  );
}
// The parent is gone.
process.exit(0);
