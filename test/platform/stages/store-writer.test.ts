import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import type { Bus, EventStore, Logger, Metrics } from '../../../platform/ports.ts';
import { STORE_GROUP, startEventWriter } from '../../../platform/stages/store-writer.ts';
import type { DeadLetter } from '../../../schemas/dead-letter.ts';
import { GatewatchError } from '../../../schemas/errors.ts';
import { CHDB, chdbPresent } from '../../support/chdb.ts';
import type { CrashPoint } from '../../support/crashes.ts';
import { testPseudonym } from '../../support/event-blocks.ts';
import { createMemoryBus } from '../../support/memory-bus.ts';
import { requires } from '../../support/requires.ts';
import { blockOf, type PlacedEvent, placedLine } from '../../support/store-blocks.ts';
import { common, SILENT, SMALL, storeWriterRig, UNCOUNTED, untilCommitted } from '../../support/store-writer-rig.ts';

describe('store writer over the real engine', requires(CHDB, chdbPresent()), () => {
  const rig = storeWriterRig();
  const { scenario, live } = rig;
  let store: EventStore;
  before(async () => {
    store = await rig.open();
  });
  after(() => rig.close());

  async function append(bus: Bus, partition: number, blocks: readonly (readonly PlacedEvent[])[]): Promise<void> {
    for (const block of blocks) await bus.append([{ topic: 'events', partition, value: blockOf(block) }]);
  }

  async function rowsOfIdentity(who: string) {
    const [row] = await store.query<Record<'rows' | 'distinct' | 'rolledUp', string>>(
      `SELECT count() AS rows, uniqExact((source, position)) AS distinct,
         (SELECT sum(requests) FROM activity_hourly WHERE identity = {identity:String}) AS rolledUp
       FROM events WHERE identity = {identity:String}`,
      { identity: testPseudonym(who) },
    );
    return [Number(row?.rows), Number(row?.distinct), Number(row?.rolledUp)];
  }

  /** Two sources; lines come again in blocks cut differently, as after a crash of their producer. */
  function repeatedBlocks(who: string, a: string, b: string): PlacedEvent[][] {
    const at = (source: string) => (position: number) => ({ source, position, who, timeMs: Date.now() });
    const [A, B] = [at(a), at(b)];
    return [
      [A(0), A(1), A(2)],
      [A(3), A(4), B(10)],
      [A(2), A(3), A(4), A(5)],
      [B(10), B(11), A(6)],
      [A(0), A(1)],
      [B(12), A(6), A(7), A(8)],
    ];
  }
  const DISTINCT = 12;

  test('every line is stored once, whatever the step at which a writer dies and at which its successor dies too', async () => {
    const whole = scenario();
    const bus = createMemoryBus(1, 2);
    await append(bus, 0, repeatedBlocks(whole.name, whole.source(1), whole.source(2)));
    const { steps } = await live(startEventWriter, bus, whole.generation, null);
    assert.deepEqual(await rowsOfIdentity(whole.name), [DISTINCT, DISTINCT, DISTINCT]);
    assert.ok(steps >= 9, `three batches of intent, insert and commit at least, got ${steps} steps`);

    for (let step = 0; step < steps; step++) {
      for (const when of ['before', 'after'] as const) {
        const one = scenario();
        const bus = createMemoryBus(1, 2);
        await append(bus, 0, repeatedBlocks(one.name, one.source(1), one.source(2)));
        const deaths = [
          await live(startEventWriter, bus, one.generation, { step, when }),
          await live(startEventWriter, bus, one.generation, { step: step % 3, when }),
        ];
        assert.equal(deaths[0]?.end === 'died' || step >= steps - 1, true, `no death at step ${step}`);
        await live(startEventWriter, bus, one.generation, null);
        assert.deepEqual(await rowsOfIdentity(one.name), [DISTINCT, DISTINCT, DISTINCT], `died ${when} step ${step}`);
      }
    }
  });

  test('every line is stored once for any cut into blocks, any batch limits and any deaths, over several partitions', async () => {
    const run = fc.record({
      cuts: fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 6 })), { minLength: 3, maxLength: 12 }),
      deaths: fc.array(fc.tuple(fc.nat(12), fc.boolean(), fc.constantFrom(300, 900, 5_000)), { maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(run, async ({ cuts, deaths }) => {
        const one = scenario();
        const bus = createMemoryBus(2, 3);
        let distinct = 0;
        for (let partition = 0; partition < 2; partition++) {
          let next = 0;
          for (const [back, length] of cuts) {
            const first = Math.max(0, next - back);
            const block = Array.from({ length }, (_, i) => ({
              source: one.source(partition),
              position: first + i,
              who: one.name,
              timeMs: 0,
            }));
            next = Math.max(next, first + length);
            await append(bus, partition, [block]);
          }
          distinct += next;
        }
        for (const [step, after, bytes] of deaths) {
          const point: CrashPoint = { step, when: after ? 'after' : 'before' };
          await live(startEventWriter, bus, one.generation, point, { bytes, waitMs: 5 });
        }
        await live(startEventWriter, bus, one.generation, null);
        assert.deepEqual(await rowsOfIdentity(one.name), [distinct, distinct, distinct]);
      }),
      { numRuns: 12 },
    );
  });

  async function readDeadLetters(bus: Bus): Promise<DeadLetter[]> {
    return (await bus.read('dead-letter', 0, 0, 1_000)).map(
      (record) => JSON.parse(record.value.toString()) as DeadLetter,
    );
  }

  /** Thirty lines in three blocks, two of which ClickHouse refuses: a lone surrogate, and text where a number stands. */
  function blocksWithBadLines(who: string, source: string): { blocks: PlacedEvent[][]; bad: PlacedEvent[] } {
    const events: PlacedEvent[] = Array.from({ length: 30 }, (_, position) => ({ source, position, who, timeMs: 0 }));
    const spoil = (position: number, from: string, to: string) => {
      const event = events[position] as PlacedEvent;
      events[position] = { ...event, raw: placedLine(event).replace(from, to) };
      return events[position];
    };
    const bad = [spoil(7, '"/v1/items"', '"\\ud800"'), spoil(22, ',200,', ',"secret",')];
    return { blocks: [events.slice(0, 10), events.slice(10, 20), events.slice(20)], bad };
  }

  test('refused lines go to the dead letter with their place and bytes, and the rest of their batch is stored', async () => {
    const one = scenario();
    const bus = createMemoryBus(1, 9);
    const received = Date.now();
    const { blocks, bad } = blocksWithBadLines(one.name, one.source(1));
    await append(bus, 0, blocks);
    const logged: unknown[] = [];
    const counted = new Map<string, number>();
    const metrics: Metrics = { ...UNCOUNTED, count: (name, _, by) => counted.set(name, (counted.get(name) ?? 0) + by) };
    const log = { ...SILENT, error: (...args: unknown[]) => logged.push(args) };
    const limits = { waitMs: 20 };
    const writer = await startEventWriter({ ...common, log, metrics, bus, store, generation: one.generation, limits });
    await untilCommitted(bus, 'events');
    await writer.stop();

    assert.deepEqual(await rowsOfIdentity(one.name), [28, 28, 28]);
    const letters = await readDeadLetters(bus);
    assert.deepEqual(
      letters.map(({ reason, source, position, format, truncated }) => ({
        reason,
        source,
        position,
        format,
        truncated,
      })),
      [7, 22].map((position) => {
        const place = { source: one.source(1), position, format: 'event-row', truncated: false };
        return { reason: 'store_refused', ...place };
      }),
    );
    letters.forEach((letter, i) => {
      const line = Buffer.from(letter.bytes, 'base64').toString();
      assert.ok(line.endsWith(placedLine(bad[i] as PlacedEvent).slice(1)), line);
      assert.ok(Math.abs((letter.received ?? 0) - received) < 60_000);
      assert.doesNotMatch(letter.why, /secret|items/);
    });
    assert.equal(counted.get('gatewatch_store_rows_total'), 28);
    assert.equal(counted.get('gatewatch_dead_letter_total'), 2);
    assert.equal(logged.length, 1);
    assert.doesNotMatch(JSON.stringify(logged), /secret|items/);
  });

  test('refused lines are in the dead letter once, and the others in the store once, whatever the step of a death', async () => {
    const limits = { waitMs: 5 };
    const clean = scenario();
    const bus = createMemoryBus(1, 9);
    await append(bus, 0, blocksWithBadLines(clean.name, clean.source(1)).blocks);
    const { steps } = await live(startEventWriter, bus, clean.generation, null, limits);
    for (let step = 0; step < steps; step++) {
      const one = scenario();
      const bus = createMemoryBus(1, 9);
      await append(bus, 0, blocksWithBadLines(one.name, one.source(1)).blocks);
      const when = step % 2 === 0 ? 'after' : 'before';
      await live(startEventWriter, bus, one.generation, { step, when }, limits);
      await live(startEventWriter, bus, one.generation, null, limits);
      assert.deepEqual(await rowsOfIdentity(one.name), [28, 28, 28], `died ${when} step ${step}`);
      assert.deepEqual(
        (await readDeadLetters(bus)).map((letter) => letter.position),
        [7, 22],
      );
    }
  });

  test('a store that is away holds the consumer back; it is tried until it works, with one line in the log', async () => {
    const one = scenario();
    const bus = createMemoryBus(1, 1);
    await append(bus, 0, repeatedBlocks(one.name, one.source(1), one.source(2)));
    let away = 5;
    let retries = 0;
    const flaky: EventStore = {
      ...store,
      async insert(insert) {
        if (away-- > 0) throw new GatewatchError('store_unavailable', 'the store is away', { transient: true });
        await store.insert(insert);
      },
    };
    const lines: string[] = [];
    const log: Logger = {
      info: (_, message) => lines.push(`info ${message}`),
      warn: (_, message) => lines.push(`warn ${message}`),
      error: (_, message) => lines.push(`error ${message}`),
    };
    const metrics: Metrics = {
      ...UNCOUNTED,
      count: (name) => (retries += name === 'gatewatch_store_retries_total' ? 1 : 0),
    };
    const options = { ...common, log, metrics, bus, store: flaky, generation: one.generation, limits: SMALL };
    const writer = await startEventWriter(options);
    await untilCommitted(bus, 'events');
    await writer.stop();
    assert.deepEqual(await rowsOfIdentity(one.name), [DISTINCT, DISTINCT, DISTINCT]);
    assert.equal(retries, 5);
    assert.deepEqual(lines, ['warn insert: the store is away; trying until it works', 'info insert works again']);
  });

  test('a stop while the store is away ends at once, and the next start stores everything once', async () => {
    const one = scenario();
    const bus = createMemoryBus(1, 1);
    await append(bus, 0, repeatedBlocks(one.name, one.source(1), one.source(2)));
    let tried = () => {};
    const firstTry = new Promise<void>((resolve) => {
      tried = resolve;
    });
    const away: EventStore = {
      ...store,
      async insert() {
        tried();
        throw new GatewatchError('store_unavailable', 'away', { transient: true });
      },
    };
    // A pause that no test would sit out.
    const options = { ...common, retryPauseMs: 3_600_000, bus, store: away, generation: one.generation, limits: SMALL };
    const writer = await startEventWriter(options);
    await firstTry;
    await writer.stop();
    await writer.done;
    // Where the intent begins; nothing is committed past it.
    assert.equal(await bus.committed(STORE_GROUP, 'events', 0), 0);
    await live(startEventWriter, bus, one.generation, null);
    assert.deepEqual(await rowsOfIdentity(one.name), [DISTINCT, DISTINCT, DISTINCT]);
  });

  test('a stop stores what is in hand', async () => {
    const one = scenario();
    const bus = createMemoryBus(1, 99);
    await append(bus, 0, repeatedBlocks(one.name, one.source(1), one.source(2)));
    const limits = { waitMs: 3_600_000 };
    const writer = await startEventWriter({ ...common, bus, store, generation: one.generation, limits });
    // The consumer hands over what there is before it sees the stop.
    await new Promise((resolve) => setTimeout(resolve, 20));
    await writer.stop();
    assert.deepEqual(await rowsOfIdentity(one.name), [DISTINCT, DISTINCT, DISTINCT]);
    assert.equal(await bus.committed(STORE_GROUP, 'events', 0), 6);
  });

  test('a record that is no block ends the writer and is not passed over', async () => {
    const one = scenario();
    const bus = createMemoryBus(1, 1);
    await append(bus, 0, repeatedBlocks(one.name, one.source(1), one.source(2)).slice(0, 1));
    await bus.append([{ topic: 'events', partition: 0, value: Buffer.from('no block') }]);
    const writer = await startEventWriter({ ...common, bus, store, generation: one.generation, limits: SMALL });
    await assert.rejects(writer.done, /block without a header line/);
    await writer.stop();
    assert.ok(((await bus.committed(STORE_GROUP, 'events', 0)) ?? 0) <= 1);
  });
});
