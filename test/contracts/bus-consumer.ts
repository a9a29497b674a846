import assert from 'node:assert/strict';
import type { Bus, BusRecord, ConsumeOptions, Consumer } from '../../platform/ports.ts';
import type { Topic } from '../../schemas/topics.ts';
import { event, record, texts } from './bus-records.ts';

/** What every implementation of the bus must do for its consumers: the part of busContract that is about them. */
export function consumerContract(contract: (title: string, run: (bus: Bus) => Promise<void>) => void): void {
  contract('gives a consumer every record of every partition, in offset order', async (bus) => {
    const sent = Array.from({ length: 400 }, (_, i) => event(i % 4, `${i}`));
    for (let i = 0; i < 400; i += 40) await bus.append(sent.slice(i, i + 40));
    const seen = await collect(bus, 'g', 'events', 400);
    for (let partition = 0; partition < 4; partition++) {
      assert.deepEqual(
        texts(seen.filter((one) => one.partition === partition)),
        sent.filter((one) => one.partition === partition).map((one, i) => `${i}:${one.value}`),
      );
    }
  });

  contract('wakes a consumer that has read everything', async (bus) => {
    const seen = await collect(bus, 'g', 'events', 6, async (got) => {
      await bus.append([event(0, `${got.length}a`), event(1, `${got.length}b`)]);
    });
    assert.ok(seen.length >= 6);
  });

  contract('begins where onAssign says, else at the committed offset, else at 0', async (bus) => {
    await bus.append([0, 1, 2].flatMap((partition) => ['a', 'b', 'c'].map((text) => event(partition, text))));
    await bus.commit('g', 'events', 0, 2);
    await bus.commit('g', 'events', 1, 2);
    const starts: Record<number, number | null> = { 0: null, 1: 1, 2: null };
    const seen = await collect(bus, 'g', 'events', 6, undefined, (partition) => starts[partition] ?? null);
    const firsts = [0, 1, 2].map((partition) => seen.find((one) => one.partition === partition)?.offset);
    assert.deepEqual(firsts, [2, 1, 0]);
  });

  contract('lets groups read independently of each other', async (bus) => {
    await bus.append([event(0, 'a'), event(0, 'b')]);
    const one = await collect(bus, 'one', 'events', 2);
    await bus.commit('one', 'events', 0, 2);
    const two = await collect(bus, 'two', 'events', 2);
    assert.deepEqual(texts(one), texts(two));
  });

  contract('has one batch of a partition in flight, and never waits with one partition for another', async (bus) => {
    const gate = signal();
    const second = signal();
    const calls: number[] = [];
    const consumer = await bus.consume({
      ...passive('g'),
      async onRecords(partition) {
        calls.push(partition);
        if (partition === 0) await gate.promise;
        if (calls.filter((call) => call === 1).length === 2) second.resolve();
      },
    });
    await bus.append([event(0, 'a'), event(1, 'a')]);
    while (!calls.includes(0) || !calls.includes(1)) await turn();
    await bus.append([event(0, 'b'), event(1, 'b')]);
    await second.promise;
    assert.equal(calls.filter((call) => call === 0).length, 1);
    gate.resolve();
    await consumer.stop();
  });

  contract('keeps the bytes of a batch untouched until onRecords resolves', async (bus) => {
    const values = Array.from({ length: 20 }, (_, i) => Buffer.alloc(50_000, i + 1));
    await bus.append(values.slice(0, 10).map((value) => record('events', 0, value)));
    let checked = 0;
    const consumer = await bus.consume({
      ...passive('g'),
      async onRecords(_, records) {
        await bus.append([record('events', 1, Buffer.alloc(60_000, 99))]);
        await bus.read('events', 1, 0, 10);
        for (const { offset, partition, value } of records) {
          if (partition !== 0) continue;
          assert.ok(value.equals(values[offset] as Buffer));
          checked += 1;
        }
        if (checked >= 10) void consumer.stop();
      },
    });
    await consumer.done;
    assert.ok(checked >= 10);
  });

  contract('finishes the batch in hand when stopped, then revokes every partition, then is silent', async (bus) => {
    const log: string[] = [];
    const started = signal();
    const gate = signal();
    const consumer = await bus.consume({
      ...passive('g'),
      async onRecords(partition) {
        started.resolve();
        await gate.promise;
        log.push(`records ${partition}`);
      },
      async onRevoke(partition) {
        log.push(`revoke ${partition}`);
      },
    });
    await bus.append([event(2, 'a')]);
    await started.promise;
    const stopped = Promise.all([consumer.stop(), consumer.stop()]);
    gate.resolve();
    await stopped;
    await consumer.done;
    await bus.append([event(2, 'b')]);
    await turn();
    assert.deepEqual(log, ['records 2', 'revoke 0', 'revoke 1', 'revoke 2', 'revoke 3']);
  });

  contract('stops a consumer whose onRecords rejects, and says so through done', async (bus) => {
    let calls = 0;
    const consumer = await bus.consume({
      ...passive('g'),
      async onRecords() {
        calls += 1;
        throw new Error('cannot go on');
      },
    });
    const died = assert.rejects(consumer.done, /cannot go on/);
    await bus.append([event(0, 'a')]);
    await died;
    await bus.append([event(0, 'b')]);
    await turn();
    assert.equal(calls, 1);
    await consumer.stop();
  });

  contract('says through done when onAssign rejects', async (bus) => {
    const consumer = await bus.consume({
      ...passive('g'),
      async onAssign() {
        throw new Error('no state');
      },
    });
    await assert.rejects(consumer.done, /no state/);
    await consumer.stop();
  });

  contract('gives what was not committed again to the next consumer of the group', async (bus) => {
    await bus.append(['a', 'b', 'c'].map((text) => event(0, text)));
    await collect(bus, 'g', 'events', 3);
    await bus.commit('g', 'events', 0, 1);
    assert.deepEqual(texts(await collect(bus, 'g', 'events', 2)), ['1:b', '2:c']);
  });
}

/** Reads until `count` records have come, calling `more` before the first and after every batch that is not enough. */
async function collect(
  bus: Bus,
  group: string,
  topic: Topic,
  count: number,
  more: (got: readonly BusRecord[]) => Promise<void> = async () => undefined,
  from: (partition: number) => number | null = () => null,
): Promise<BusRecord[]> {
  const seen: BusRecord[] = [];
  const enough = signal();
  const consumer: Consumer = await bus.consume({
    ...passive(group),
    topic,
    onAssign: async (partition) => from(partition),
    async onRecords(_, records) {
      seen.push(...records);
      if (seen.length >= count) enough.resolve();
      else await more(seen);
    },
  });
  await more(seen);
  await Promise.race([enough.promise, consumer.done]);
  await consumer.stop();
  return seen;
}

function passive(group: string): ConsumeOptions {
  return {
    group,
    topic: 'events',
    onAssign: async () => null,
    onRecords: async () => undefined,
    onRevoke: async () => undefined,
  };
}

function signal(): { readonly promise: Promise<void>; resolve(): void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}
