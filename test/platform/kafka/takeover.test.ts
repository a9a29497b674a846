import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { KafkaBus } from '../../../platform/kafka/bus.ts';
import { CONTRACT_PARTITIONS } from '../../contracts/bus.ts';
import { requiresKafka } from '../../support/kafka/installation.ts';
import { sharedBroker } from '../../support/kafka-broker.ts';
import type { KafkaInstallation } from '../../support/kafka-installation.ts';
import type { ChildOptions, MemberSays } from './child.ts';
import { checkOrder, groupLog, holders, startMember, steadyLoad } from './members.ts';
import { event, until, withInstallation } from './refusal.ts';

const needs = requiresKafka();
const SESSION_MS = 2_000;
const EVENTS = CONTRACT_PARTITIONS.events;

interface Child {
  readonly process: ChildProcess;
  /** The last thing that it said. */
  said<T>(): T | undefined;
}

async function startChild(installation: KafkaInstallation, role: ChildOptions['role']): Promise<Child> {
  const options: ChildOptions = {
    brokers: await sharedBroker(),
    prefix: installation.prefix,
    directory: join(installation.directoryOf('child'), 'bus'),
    sessionTimeoutMs: SESSION_MS,
    role,
  };
  const script = join(import.meta.dirname, 'child.js');
  const child = spawn(process.execPath, [script, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let last: unknown;
  createInterface({ input: child.stdout }).on('line', (line) => {
    last = JSON.parse(line);
  });
  return { process: child, said: <T>() => last as T | undefined };
}

async function killed({ process: child }: Child): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** Offsets of the group as the broker has them, one look after the other. */
async function watchOffsets(bus: KafkaBus, until: AbortSignal): Promise<number[][]> {
  const looks: number[][] = [];
  while (!until.aborted) {
    const look = Array.from({ length: EVENTS }, (_, partition) => bus.committed('detector', 'events', partition));
    looks.push((await Promise.all(look)).map((offset) => offset ?? 0));
    await wait(20);
  }
  return looks;
}

test(
  'takeover: a member that was paused beyond its session commits nothing more when it wakes, and no offset goes back',
  needs,
  async (t) =>
    withInstallation(await sharedBroker(), async (installation) => {
      const bus = await installation.open('parent', { sessionTimeoutMs: SESSION_MS });
      const log = groupLog();
      const load = steadyLoad(bus, EVENTS);
      const watching = new AbortController();
      const offsets = watchOffsets(bus, watching.signal);
      const child = await startChild(installation, 'member');
      try {
        await until(() => (child.said<MemberSays>()?.commits.length ?? 0) > 0);
        const consumer = await startMember(bus, 'parent', log);
        const share = () => holders(log).get('parent')?.length ?? 0;
        const says = () => child.said<MemberSays>() ?? assert.fail('it has spoken');
        await until(() => share() === EVENTS / 2 && says().commits.length > 0);
        const { assigned, lost } = says();
        child.process.kill('SIGSTOP');
        const paused = performance.now();
        await until(() => share() === EVENTS);
        t.diagnostic(`its partitions had another owner after ${Math.round(performance.now() - paused)} ms`);
        // The new owner is beyond what the paused one had in hand.
        const reached = load.sent.map((sent) => sent);
        await until(() => reached.every((sent, partition) => (log.commits.get(partition)?.at(-1) ?? 0) >= sent));
        child.process.kill('SIGCONT');
        await until(() => says().lost > lost && says().assigned > assigned);
        await until(() => share() === EVENTS / 2);
        await load.stop();
        await until(async () => {
          const ends = await Promise.all(
            load.sent.map((_, partition) => bus.committed('detector', 'events', partition)),
          );
          return ends.every((end, partition) => end === load.sent[partition]);
        });
        watching.abort();
        (await offsets).reduce((before, look) => {
          assert.ok(
            look.every((offset, partition) => offset >= (before[partition] ?? 0)),
            `${before} then ${look}`,
          );
          return look;
        });
        checkOrder(log);
        await consumer.stop();
      } finally {
        watching.abort();
        await killed(child);
        await bus.close();
      }
    }),
);

test(
  'takeover: of an atomic append in which the process was killed there is all or nothing, and its next life is not held up',
  needs,
  async (t) =>
    withInstallation(await sharedBroker(), async (installation) => {
      const reader = await installation.open('reader');
      for (const ms of [0, 3, 7]) {
        const child = await startChild(installation, 'appender');
        const before = child.said<number>();
        await until(() => child.said<number>() !== before);
        await wait(ms);
        await killed(child);
        // Opened by the same name, as its supervisor would.
        const started = performance.now();
        const again = await installation.open('child', { instance: 'child' });
        await again.append([event('after', 0)], [{ key: `idem/after/${ms}`, value: '1' }], { atomic: true });
        t.diagnostic(`appends again ${Math.round(performance.now() - started)} ms after the start of its next life`);
        await again.close();
        await reader.syncMarks();
        const texts = async (partition: number) =>
          (await reader.read('events', partition, 0, 100_000))
            .map(({ value }) => String(value))
            .filter((x) => x !== 'after');
        const marks = [...reader.marks('idem/')]
          .map(({ key }) => key.slice('idem/'.length))
          .filter((x) => !/after/.test(x));
        const first = await texts(0);
        assert.deepEqual(await texts(1), first);
        assert.deepEqual(
          marks.map(Number).sort((a, b) => a - b),
          first.map(Number),
        );
        assert.ok(first.length > 0);
      }
      await reader.close();
    }),
);
