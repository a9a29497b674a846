import { setTimeout as wait } from 'node:timers/promises';
import { openKafkaBus } from '../../../platform/kafka/bus.ts';
import { CONTRACT_PARTITIONS } from '../../contracts/bus.ts';
import { QUIET_LOG } from '../../support/sources-rig.ts';
import { groupLog, startMember } from './members.ts';
import { event } from './refusal.ts';

// A process of its own, to be paused and killed. It says what it did, a line of JSON each.

/** How long a batch is worked on: long enough to be paused in it. */
const WORK_MS = 100;

export interface ChildOptions {
  readonly brokers: readonly string[];
  readonly prefix: string;
  readonly directory: string;
  readonly sessionTimeoutMs: number;
  /** Reads as a member of the group, or appends with keys. */
  readonly role: 'member' | 'appender';
}

/** What a member says after each batch. */
export interface MemberSays {
  readonly lost: number;
  readonly assigned: number;
  readonly commits: readonly (readonly [number, readonly number[]])[];
}

const options = JSON.parse(process.argv[2] ?? '{}') as ChildOptions;
const bus = await openKafkaBus({
  settings: { brokers: options.brokers, clientId: 'child', tls: null, sasl: null },
  prefix: options.prefix,
  partitions: CONTRACT_PARTITIONS,
  retentionMs: 86_400_000,
  replicationFactor: null,
  compression: 'auto',
  sessionTimeoutMs: options.sessionTimeoutMs,
  directory: options.directory,
  instance: 'child',
  markKinds: ['general', 'store', 'idempotency'],
  log: QUIET_LOG,
});
const say = (what: unknown) => process.stdout.write(`${JSON.stringify(what)}\n`);

if (options.role === 'member') {
  const log = groupLog();
  const consumer = await startMember(bus, 'child', log, async () => {
    await wait(WORK_MS);
    tell();
  });
  const tell = () =>
    say({ lost: log.lost, assigned: log.assignments.length, commits: [...log.commits] } satisfies MemberSays);
  const timer = setInterval(tell, WORK_MS);
  await consumer.done.finally(() => clearInterval(timer));
} else {
  const start = [...bus.marks('idem/')].length;
  for (let i = start; ; i++) {
    await bus.append([event(String(i), 0), event(String(i), 1)], [{ key: `idem/${i}`, value: '1' }], { atomic: true });
    say(i);
  }
}
