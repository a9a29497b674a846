import { readFileSync } from 'node:fs';
import type { StartApp } from '../../app/contract.ts';
import { startApp } from '../../app.ts';
import { run } from '../../cli/run.ts';
import type { Role } from '../../config/roles.ts';
import { checkConfig } from '../../config.ts';
import { systemClock } from '../../platform/clock.ts';
import type { KafkaBus } from '../../platform/kafka/bus.ts';
import type { Bus, RawLog } from '../../platform/ports.ts';
import { type BatchLimits, DEFAULT_LIMITS } from '../../platform/stages/store-writer.ts';
import {
  around,
  busWithKillPoints,
  createKillSwitch,
  type Plan,
  stateWithKillPoints,
  storeWithKillPoints,
} from './kill-points.ts';

// One process of a distributed installation, as `gatewatch run` starts it, with kill points at its ports. Arguments: the
// settings, the role, and where to die, as JSON; null: nowhere.

/** Rows wait for others no longer than this before they are stored: a process lives for seconds. */
const STORE_WAIT_MS = 300;
const STDERR_FD = 2;

const [file = '', role = '', plan = 'null'] = process.argv.slice(2);
const kill = createKillSwitch(async () => {}, STDERR_FD);
const armed = JSON.parse(plan) as Plan | null;
if (armed !== null) kill.arm(armed);
// No setting and no option of the app reaches this.
Object.assign(DEFAULT_LIMITS, { waitMs: STORE_WAIT_MS } satisfies Partial<BatchLimits>);

const checked = checkConfig(readFileSync(file, 'utf8'), file, process.env);
if ('problems' in checked) throw new Error(JSON.stringify(checked.problems));

function rawWithKillPoints(raw: RawLog): RawLog {
  return {
    ...raw,
    async consume(options) {
      const consumer = await raw.consume(options);
      return {
        ...consumer,
        commit: (partition, next) => around(kill, 'raw-commit', () => consumer.commit(partition, next)),
      };
    },
  };
}

function roleBus(bus: Bus): Bus {
  const kafka = bus as KafkaBus;
  const { saveOwned } = kafka;
  // State and raw topics are asked of this object itself.
  Object.assign(kafka, {
    saveOwned: (...save) => around(kill, 'transaction', () => saveOwned(...save)),
    raw: rawWithKillPoints(kafka.raw),
  } satisfies Partial<KafkaBus>);
  return {
    ...busWithKillPoints(kafka, kill),
    consume: (wanted) =>
      kafka.consume({
        ...wanted,
        onAssign: (partition) => around(kill, 'assign', () => wanted.onAssign(partition)),
        onRevoke: (partition) => around(kill, 'revoke', () => wanted.onRevoke(partition)),
      }),
  };
}

const startWithKillPoints: StartApp = (options) =>
  startApp({
    ...options,
    wrap: {
      bus: roleBus,
      state: (state) => stateWithKillPoints(state, kill),
      store: (store) => storeWithKillPoints(store, kill),
    },
  });

process.exit(
  await run(startWithKillPoints, checked.config, [role as Role], systemClock, {
    out: (text) => process.stdout.write(text),
    err: process.stderr,
  }),
);
