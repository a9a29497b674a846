import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Bus, EventStore } from '../../../platform/ports.ts';
import { startDecisionWriter } from '../../../platform/stages/store-writer.ts';
import type { Decision } from '../../../schemas/decision.ts';
import { CHDB, chdbPresent } from '../../support/chdb.ts';
import { testPseudonym } from '../../support/event-blocks.ts';
import { createMemoryBus } from '../../support/memory-bus.ts';
import { requires } from '../../support/requires.ts';
import { storeWriterRig } from '../../support/store-writer-rig.ts';

describe('store writer over the real engine', requires(CHDB, chdbPresent()), () => {
  const rig = storeWriterRig();
  const { scenario, live } = rig;
  let store: EventStore;
  before(async () => {
    store = await rig.open();
  });
  after(() => rig.close());

  const REASON = { channel: 'requests', tick: 'minute', expected: 3, seen: 90, nats: 4.5 } as const;
  function decision(who: string, source: string, position: number): Decision {
    const identity = testPseudonym(who);
    const query = { tenant: 'default', kind: 'user', identity, fromMs: 0, toMs: 60_000, tick: 'minute' } as const;
    const counted = { ...query, source, position, measure: 'requests', value: null, count: 90 } as const;
    const agent = { ...counted, measure: 'ua_family', value: 'evil\ud800"\u0000', count: 1 } as const;
    return {
      v: 1,
      id: `${who}-${position}`,
      tenant: 'default',
      kind: 'user',
      identity,
      timeMs: 1_700_000_000_000 + position,
      action: 'notify',
      mode: 'shadow',
      risk: 12.345,
      reasons: [
        { ...REASON, query: counted },
        { ...REASON, channel: 'ua_family', tick: 'hour', seen: 'evil\ud800"\u0000', query: agent },
      ],
      source,
      position,
      versions: { policy: 1, priors: 1, calibration: 1, epoch: 1 },
    };
  }

  test('each decision is stored once with its reasons, though a detector repeats them and writers die at any step', async () => {
    async function fill(one: ReturnType<typeof scenario>): Promise<Bus> {
      const bus = createMemoryBus(1, 2);
      for (const at of [3, 5, 3, 5, 9, 9, 12]) {
        const decisions = [decision(one.name, one.source(1), at), decision(one.name, one.source(1), at + 1000)];
        const value = Buffer.from(JSON.stringify({ v: 1, at, decisions }));
        await bus.append([{ topic: 'decisions', partition: 0, value }]);
      }
      return bus;
    }
    const stored = async (who: string) => {
      const params = { identity: testPseudonym(who) };
      const [row] = await store.query<Record<string, string>>(
        `SELECT count() AS rows, uniqExact(id) AS ids,
           (SELECT count() FROM evidence WHERE identity = {identity:String}) AS reasons
         FROM decisions WHERE identity = {identity:String}`,
        params,
      );
      return [row?.rows, row?.ids, row?.reasons].map(Number);
    };
    const whole = scenario();
    const { steps } = await live(startDecisionWriter, await fill(whole), whole.generation, null);
    assert.deepEqual(await stored(whole.name), [8, 8, 16]);
    for (let step = 0; step < steps; step++) {
      const one = scenario();
      const bus = await fill(one);
      await live(startDecisionWriter, bus, one.generation, { step, when: step % 2 === 0 ? 'after' : 'before' });
      await live(startDecisionWriter, bus, one.generation, null);
      assert.deepEqual(await stored(one.name), [8, 8, 16], `died at step ${step}`);
      assert.equal(await bus.endOffset('dead-letter', 0), 0);
    }
  });

  test('a stored decision reads back as it was made', async () => {
    const one = scenario();
    const bus = createMemoryBus(1);
    const made = decision(one.name, one.source(1), 7);
    await bus.append([
      { topic: 'decisions', partition: 0, value: Buffer.from(JSON.stringify({ v: 1, at: 0, decisions: [made] })) },
    ]);
    await live(startDecisionWriter, bus, one.generation, null);
    const [row] = await store.query<Record<string, unknown>>(
      'SELECT * EXCEPT (stored, time), toUnixTimestamp64Milli(time) AS ms FROM decisions WHERE id = {id:String}',
      { id: made.id },
    );
    assert.deepEqual(JSON.parse(row?.reasons as string), made.reasons);
    assert.deepEqual(JSON.parse(row?.versions as string), made.versions);
    const { reasons: _r, versions: _v, ...rest } = row as Record<string, unknown>;
    assert.deepEqual(rest, {
      id: made.id,
      ms: String(made.timeMs),
      tenant: 'default',
      kind: 'user',
      identity: made.identity,
      action: 'notify',
      mode: 'shadow',
      risk: 12.345,
      source: made.source,
      position: '7',
    });
    const evidence = await store.query(
      'SELECT channel, tick, expected, seen, nats FROM evidence WHERE decision = {id:String} ORDER BY channel',
      {
        id: made.id,
      },
    );
    assert.deepEqual(evidence, [
      { channel: 'requests', tick: 'minute', expected: 3, seen: '90', nats: 4.5 },
      // A lone surrogate is no text: it becomes the replacement character.
      { channel: 'ua_family', tick: 'hour', expected: 3, seen: 'evil\ufffd"\u0000', nats: 4.5 },
    ]);
  });
});
