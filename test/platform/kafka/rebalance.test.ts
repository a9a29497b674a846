import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONTRACT_PARTITIONS } from '../../contracts/bus.ts';
import { requiresKafka } from '../../support/kafka/installation.ts';
import { sharedBroker } from '../../support/kafka-broker.ts';
import { checkOrder, type GroupLog, groupLog, holders, startMember, steadyLoad } from './members.ts';
import { event, until, withInstallation } from './refusal.ts';

const needs = requiresKafka();
const EVENTS = 8;
const PARTITIONS = { ...CONTRACT_PARTITIONS, events: EVENTS };

const held = (log: GroupLog) => [...holders(log).values()].flat().length;
const members = (log: GroupLog) => holders(log).size;

/** The furthest offset that was committed, of each partition. */
const committed = (log: GroupLog, partition: number) => log.commits.get(partition)?.at(-1) ?? 0;

test(
  'rebalance: 2, 3 and 2 members under load see every record in order, and keep what stays with them',
  needs,
  async (t) =>
    withInstallation(await sharedBroker(), async (installation) => {
      const names = ['one', 'two', 'three'] as const;
      const [one, two, three] = await Promise.all(
        names.map((name) => installation.open(name, { partitions: PARTITIONS, sessionTimeoutMs: 3_000 })),
      );
      assert.ok(one !== undefined && two !== undefined && three !== undefined);
      const log = groupLog();
      const load = steadyLoad(one, EVENTS);
      const behind = () =>
        load.sent.reduce((sum, sent, partition) => sum + Math.max(0, sent - committed(log, partition)), 0);
      let most = 0;
      const watch = setInterval(() => {
        most = Math.max(most, behind());
      }, 10);
      try {
        const first = await startMember(one, 'one', log);
        const second = await startMember(two, 'two', log);
        await until(() => members(log) === 2 && held(log) === EVENTS && behind() < 50);
        t.diagnostic(`two members: at most ${most} records behind`);

        most = 0;
        const before = holders(log);
        const assigned = log.assignments.length;
        const third = await startMember(three, 'three', log);
        await until(() => members(log) === 3 && held(log) === EVENTS && behind() < 50);
        t.diagnostic(`a third member comes: at most ${most} records behind`);
        const after = holders(log);
        for (const name of ['one', 'two'] as const) {
          const kept = (before.get(name) ?? []).filter((partition) => after.get(name)?.includes(partition));
          assert.ok(kept.length > 0, `${name} keeps something`);
          const anew = log.assignments
            .slice(assigned)
            .filter((one) => one.member === name && kept.includes(one.partition));
          assert.deepEqual(anew, [], 'what stays is not assigned again');
        }

        most = 0;
        await third.stop();
        await until(() => members(log) === 2 && held(log) === EVENTS && behind() < 50);
        t.diagnostic(`it goes: at most ${most} records behind`);
        await load.stop();
        await until(() => behind() === 0);
        checkOrder(log);
        await Promise.all([first.stop(), second.stop()]);
        for (let partition = 0; partition < EVENTS; partition++) {
          assert.equal(await one.committed('detector', 'events', partition), load.sent[partition]);
          const seen = new Set(
            log.assignments.filter((a) => a.partition === partition).flatMap(({ offsets }) => offsets),
          );
          assert.equal(seen.size, load.sent[partition], `partition ${partition} was seen whole`);
        }
        t.diagnostic(`${load.sent.reduce((sum, sent) => sum + sent)} records, ${log.lost} commits refused`);
      } finally {
        clearInterval(watch);
        await Promise.all([one.close(), two.close(), three.close()]);
      }
    }),
);

test(
  'rebalance: work that takes longer than the session costs neither the membership nor other partitions',
  needs,
  async () =>
    withInstallation(await sharedBroker(), async (installation) => {
      const bus = await installation.open('one', { sessionTimeoutMs: 1_500 });
      const log = groupLog();
      let release = () => {};
      const held0 = new Promise<void>((resolve) => {
        release = resolve;
      });
      const consumer = await startMember(bus, 'one', log, async ({ partition }) => {
        if (partition === 0) await held0;
      });
      await bus.append([event('slow', 0), event('quick', 1)]);
      await until(() => committed(log, 1) === 1);
      const started = performance.now();
      for (let sent = 1; performance.now() - started < 3_000; sent++) {
        await bus.append([event('quick', 1)]);
        await until(() => committed(log, 1) === sent + 1);
      }
      release();
      await until(() => committed(log, 0) === 1);
      assert.equal(log.lost, 0);
      assert.equal(log.assignments.length, CONTRACT_PARTITIONS.events, 'each partition was assigned once');
      await consumer.stop();
      await bus.close();
    }),
);

test(
  'rebalance: a partition whose commit was fenced is revoked, assigned anew and read from what is committed',
  needs,
  async () =>
    withInstallation(await sharedBroker(), async (installation) => {
      const bus = await installation.open('one');
      const thief = await installation.open('two');
      const log = groupLog();
      let fence = true;
      const consumer = await startMember(bus, 'one', log, async () => {
        // A commit of another process takes the partition away in the middle of a batch; nothing more comes behind it.
        if (fence) await thief.commit('detector', 'events', 2, 1);
        fence = false;
      });
      await bus.append([event('a', 2), event('b', 2), event('c', 2)]);
      await until(() => committed(log, 2) === 3);
      assert.equal(log.lost, 1);
      const assignments = log.assignments.filter(({ partition }) => partition === 2);
      assert.deepEqual(
        assignments.map(({ from, offsets, over }) => ({ from, offsets, over })),
        [
          { from: 0, offsets: [0, 1, 2], over: true },
          { from: 1, offsets: [1, 2], over: false },
        ],
      );
      await consumer.stop();
      await Promise.all([bus.close(), thief.close()]);
    }),
);

test('rebalance: a commit that comes after its partition was given away takes it from nobody', needs, async () =>
  withInstallation(await sharedBroker(), async (installation) => {
    const one = await installation.open('one', { sessionTimeoutMs: 3_000 });
    const two = await installation.open('two', { sessionTimeoutMs: 3_000 });
    const log = groupLog();
    const first = await startMember(one, 'one', log);
    await one.append([0, 1, 2, 3].flatMap((partition) => [event('a', partition), event('b', partition)]));
    await until(() => [0, 1, 2, 3].every((partition) => committed(log, partition) === 2));
    const second = await startMember(two, 'two', log);
    await until(() => (holders(log).get('two')?.length ?? 0) === 2);
    const given = holders(log).get('two')?.[0] ?? assert.fail('two has partitions');
    await assert.rejects(one.commit('detector', 'events', given, 1), { code: 'partition_lost' });
    assert.equal(await two.committed('detector', 'events', given), 2);
    await two.commit('detector', 'events', given, 2);
    await Promise.all([first.stop(), second.stop()]);
    await Promise.all([one.close(), two.close()]);
  }),
);
