import { writeSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { Role } from '../../config/roles.ts';
import type { Bus, EventStore, Mark, OutRecord, StateStore } from '../../platform/ports.ts';

/**
 * Moments at which the process can be killed: before an operation, while it is under way, after it is durable but before
 * whoever asked for it knows. `guard` is the moment that a switched-off guard opens (guards.ts).
 */
export const KILL_POINTS = [
  'events.before',
  'events.inside',
  'events.after',
  'decisions.before',
  'decisions.inside',
  'decisions.after',
  'save.before',
  'save.inside',
  // Between the checkpoint and the commit of the group's offset.
  'save.after',
  'checkpoint-commit.before',
  'checkpoint-commit.inside',
  'checkpoint-commit.after',
  'intent.before',
  'intent.inside',
  'intent.after',
  'insert.before',
  'insert.inside',
  'insert.after',
  'store-commit.before',
  'store-commit.inside',
  'store-commit.after',
  'guard',
] as const;

const places = <Name extends string>(name: Name) => [`${name}.before`, `${name}.inside`, `${name}.after`] as const;

/** Those of the distributed processes. */
export const ROLE_KILL_POINTS = {
  ingest: [...places('events'), ...places('raw-commit')],
  core: [
    ...places('decisions'),
    ...places('save'),
    // The checkpoint's transaction: behind it comes the local copy.
    ...places('transaction'),
    ...places('assign'),
    ...places('revoke'),
  ],
  serve: [
    ...places('intent'),
    ...places('insert'),
    ...places('store-commit'),
    ...places('assign'),
    ...places('revoke'),
  ],
} as const satisfies Record<Role, readonly string[]>;

export type KillPoint = (typeof KILL_POINTS)[number] | (typeof ROLE_KILL_POINTS)[Role][number];

/** Kill when the point is passed for the `count`th time. */
export interface Plan {
  readonly point: KillPoint;
  readonly count: number;
  /** How long to stay at the point before the kill, while everything else goes on: an operation under way gets on. */
  readonly delayMs?: number;
  /** Stay until the store has everything that is on the bus, or until the bus has more than it had. */
  readonly until?: Condition;
}

export type Condition = 'stored' | 'log-grown';

export interface KillSwitch {
  arm(plan: Plan): void;
  /** Passes a point: never resolves when that is the end. */
  pass(point: KillPoint): Promise<void>;
}

/** `fd`: where the place is said before the kill. */
export function createKillSwitch(until: (condition: Condition) => Promise<void>, fd = 1): KillSwitch {
  let armed: Plan | null = null;
  let passed = 0;
  return {
    arm(plan) {
      armed = plan;
      passed = 0;
    },
    async pass(point) {
      if (armed === null || armed.point !== point) return;
      passed += 1;
      if (passed < armed.count) return;
      const { delayMs = 0, until: condition } = armed;
      armed = null;
      if (delayMs > 0) await wait(delayMs);
      if (condition !== undefined) await until(condition);
      writeSync(fd, `${JSON.stringify({ killedAt: point })}\n`);
      process.kill(process.pid, 'SIGKILL');
      await new Promise(() => {});
    },
  };
}

/** The operation with its three points. */
export async function around<T>(kill: KillSwitch, name: string, run: () => Promise<T>): Promise<T> {
  await kill.pass(`${name}.before` as KillPoint);
  const running = run();
  // It fails or succeeds in its own time, perhaps before anybody waits for it.
  running.catch(() => {});
  await kill.pass(`${name}.inside` as KillPoint);
  const result = await running;
  await kill.pass(`${name}.after` as KillPoint);
  return result;
}

function nameOfAppend(records: readonly OutRecord[]): string | null {
  if (records.some(({ topic }) => topic === 'events')) return 'events';
  if (records.some(({ topic }) => topic === 'decisions')) return 'decisions';
  return null;
}

const isIntent = ({ key }: Mark) => key.startsWith('store/') && key.endsWith('/intent');

function nameOfCommit(group: string, marks: readonly Mark[]): string {
  if (group === 'detector') return 'checkpoint-commit';
  return marks.some(isIntent) ? 'intent' : 'store-commit';
}

export function busWithKillPoints(bus: Bus, kill: KillSwitch): Bus {
  return {
    ...bus,
    append(records, marks, options) {
      const name = nameOfAppend(records);
      const append = () => bus.append(records, marks, options);
      return name === null ? append() : around(kill, name, append);
    },
    commit(group, topic, partition, next, marks = [], records = []) {
      const commit = () => bus.commit(group, topic, partition, next, marks, records);
      return around(kill, nameOfCommit(group, marks), commit);
    },
  };
}

export function stateWithKillPoints(state: StateStore, kill: KillSwitch): StateStore {
  return { ...state, save: (...save) => around(kill, 'save', () => state.save(...save)) };
}

export function storeWithKillPoints(store: EventStore, kill: KillSwitch): EventStore {
  return { ...store, insert: (insert) => around(kill, 'insert', () => store.insert(insert)) };
}
