import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Bus } from '../../platform/ports.ts';
import type { Topic } from '../../schemas/topics.ts';
import { consumerContract } from './bus-consumer.ts';
import { event, record, texts } from './bus-records.ts';

/** Partitions that a bus under test must have. */
export const CONTRACT_PARTITIONS: Readonly<Record<Topic, number>> = { events: 4, decisions: 2, 'dead-letter': 1 };

/** One log, empty at first. `open` opens it, and opens it again after `close`. */
export interface BusFixture {
  open(): Promise<Bus>;
  cleanup(): Promise<void>;
}

/** What every implementation of the bus must do. Sizes are small, so that a cap is never reached. */
export function busContract(name: string, create: () => Promise<BusFixture>, options: { skip?: string } = {}): void {
  function contract(title: string, run: (bus: Bus, fixture: BusFixture) => Promise<void>): void {
    test(`${name}: ${title}`, options, async () => {
      const fixture = await create();
      try {
        const bus = await fixture.open();
        try {
          await run(bus, fixture);
        } finally {
          await bus.close();
        }
      } finally {
        await fixture.cleanup();
      }
    });
  }

  contract('tells the partitions of every topic', async (bus) => {
    for (const topic of ['events', 'decisions', 'dead-letter'] as const) {
      assert.equal(bus.partitions(topic), CONTRACT_PARTITIONS[topic]);
    }
  });

  contract('gives records of a partition dense offsets from 0, in the order of their appends', async (bus) => {
    assert.equal(await bus.endOffset('events', 1), 0);
    await bus.append([event(1, 'a'), event(2, 'x'), event(1, 'b')]);
    await bus.append([event(1, 'c')]);
    assert.deepEqual(texts(await bus.read('events', 1, 0, 10)), ['0:a', '1:b', '2:c']);
    assert.deepEqual(texts(await bus.read('events', 2, 0, 10)), ['0:x']);
    assert.equal(await bus.endOffset('events', 1), 3);
  });

  contract('reads from an offset, at most as many records as asked for', async (bus) => {
    await bus.append(['a', 'b', 'c', 'd'].map((text) => event(0, text)));
    assert.deepEqual(texts(await bus.read('events', 0, 1, 2)), ['1:b', '2:c']);
    assert.deepEqual(await bus.read('events', 0, 4, 2), []);
  });

  contract('keeps any bytes, also none', async (bus) => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    await bus.append([bytes, Buffer.alloc(0), Buffer.alloc(300_000, 7)].map((value) => record('events', 0, value)));
    const [first, second, third] = await bus.read('events', 0, 0, 3);
    assert.deepEqual(first?.value, bytes);
    assert.equal(second?.value.length, 0);
    assert.ok(third?.value.equals(Buffer.alloc(300_000, 7)));
  });

  contract('appends to several topics at once', async (bus) => {
    await bus.append([event(0, 'e'), record('decisions', 1, 'd'), record('dead-letter', 0, 'l')]);
    assert.deepEqual(texts(await bus.read('decisions', 1, 0, 9)), ['0:d']);
    assert.deepEqual(texts(await bus.read('dead-letter', 0, 0, 9)), ['0:l']);
  });

  contract('refuses a partition that does not exist, and keeps nothing of that append', async (bus) => {
    await assert.rejects(bus.append([event(0, 'a'), event(CONTRACT_PARTITIONS.events, 'b')]));
    assert.equal(await bus.endOffset('events', 0), 0);
  });

  contract('keeps marks that travel with records, replaces them, and removes them with null', async (bus) => {
    await bus.append([event(0, 'a')], [{ key: 'source/1', value: '10' }]);
    assert.equal(bus.getMark('source/1'), '10');
    await bus.append([], [{ key: 'source/1', value: '' }]);
    assert.equal(bus.getMark('source/1'), '');
    await bus.append([event(0, 'b')], [{ key: 'source/1', value: null }]);
    assert.equal(bus.getMark('source/1'), null);
  });

  contract('lists the marks of a prefix in key order', async (bus) => {
    const keys = ['b/2', 'a', 'b', 'b/1', 'b/10', 'c'];
    await bus.append(
      [],
      keys.map((key) => ({ key, value: key.toUpperCase() })),
    );
    assert.deepEqual(
      [...bus.marks('b/')].map(({ key, value }) => [key, value]),
      [
        ['b/1', 'B/1'],
        ['b/10', 'B/10'],
        ['b/2', 'B/2'],
      ],
    );
    assert.deepEqual(
      [...bus.marks('')].map(({ key }) => key),
      ['a', 'b', 'b/1', 'b/10', 'b/2', 'c'],
    );
  });

  contract('has everything again after it was closed and opened', async (bus, fixture) => {
    await bus.append([event(3, 'a'), event(3, 'b')], [{ key: 'k', value: 'v' }]);
    await bus.commit('g', 'events', 3, 1, [{ key: 'intent', value: '1' }]);
    await bus.close();
    const again = await fixture.open();
    try {
      assert.deepEqual(texts(await again.read('events', 3, 0, 9)), ['0:a', '1:b']);
      assert.equal(await again.endOffset('events', 3), 2);
      assert.equal(await again.committed('g', 'events', 3), 1);
      assert.equal(again.getMark('k'), 'v');
      assert.equal(again.getMark('intent'), '1');
      await again.append([event(3, 'c')]);
      assert.deepEqual(texts(await again.read('events', 3, 2, 9)), ['2:c']);
    } finally {
      await again.close();
    }
  });

  contract('remembers what each group committed, apart for each partition and topic', async (bus) => {
    await bus.append([event(0, 'a'), event(1, 'a'), record('decisions', 0, 'a')]);
    await bus.commit('g', 'events', 0, 1);
    assert.equal(await bus.committed('g', 'events', 0), 1);
    assert.equal(await bus.committed('g', 'events', 1), null);
    assert.equal(await bus.committed('g', 'decisions', 0), null);
    assert.equal(await bus.committed('h', 'events', 0), null);
  });

  consumerContract(contract);
}
