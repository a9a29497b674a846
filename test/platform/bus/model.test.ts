import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type EmbeddedBus, openEmbeddedBus } from '../../../platform/bus/embedded.ts';
import { GatewatchError } from '../../../schemas/errors.ts';
import type { Topic } from '../../../schemas/topics.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { createModel, MODEL_CAP_BYTES, MODEL_PARTITIONS, MODEL_RETENTION_MS, type Model } from './log-model.ts';

const RUNS = 40;

type Step =
  | { readonly do: 'append'; readonly items: readonly { place: number; size: number }[]; readonly mark: string | null }
  | { readonly do: 'commit'; readonly group: string; readonly place: number; readonly part: number }
  | { readonly do: 'consume'; readonly group: string; readonly topic: Topic }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'trim' }
  | { readonly do: 'reopen' };

/** Index into this list is a `place`. */
const PLACES: readonly { readonly topic: Topic; readonly partition: number }[] = [
  { topic: 'events', partition: 0 },
  { topic: 'events', partition: 1 },
  { topic: 'decisions', partition: 0 },
  { topic: 'dead-letter', partition: 0 },
];

const place = fc.nat({ max: PLACES.length - 1 });
const group = fc.constantFrom('one', 'two');
const size = fc.oneof(fc.nat({ max: 3_000 }), fc.integer({ min: 10_000, max: 60_000 }));
const mark = fc.option(fc.constantFrom('a', 'b'), { nil: null });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      items: fc.array(fc.record({ place, size }), { minLength: 1, maxLength: 4 }),
      mark,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('commit' as const),
      group,
      place,
      part: fc.constantFrom(0, 0.5, 1, 1),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('consume' as const),
      group,
      topic: fc.constantFrom('events' as const, 'decisions' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 3_000, 15 * 86_400_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('trim' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
);

test('embedded bus: any sequence of appends, commits, reads, trims and restarts leaves what the plain model holds', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80, size: 'max' }), async (steps) => {
      const directory = temporaryDirectory();
      let now = 1_000_000_000_000;
      const open = () =>
        openEmbeddedBus({
          directory: directory.path,
          capBytes: MODEL_CAP_BYTES,
          partitions: MODEL_PARTITIONS,
          durability: 'default',
          retentionMs: MODEL_RETENTION_MS,
          clock: { now: () => now },
        });
      const model = createModel();
      let bus = await open();
      try {
        for (const [number, one] of steps.entries()) {
          if (one.do === 'wait') now += one.ms;
          else if (one.do === 'reopen') {
            await bus.close();
            bus = await open();
            model.consuming.clear();
          } else await take(bus, model, one, number, now);
          await compare(bus, model);
        }
      } finally {
        await bus.close();
        directory.remove();
      }
    }),
    { numRuns: RUNS },
  );
});

async function take(
  bus: EmbeddedBus,
  model: Model,
  one: Exclude<Step, { do: 'wait' | 'reopen' }>,
  number: number,
  now: number,
): Promise<void> {
  switch (one.do) {
    case 'append': {
      const items = one.items.map((item, i) => ({ ...at(item.place), text: text(number * 10 + i, item.size) }));
      const marks = one.mark === null ? [] : [{ key: one.mark, value: `${number}` }];
      const expected = model.append(items, now);
      const outcome = await bus
        .append(
          items.map(({ topic, partition, text: value }) => ({ topic, partition, value: Buffer.from(value) })),
          marks,
        )
        .then(() => 'ok', outcomeOf);
      assert.equal(outcome, expected);
      if (expected === 'ok') for (const { key, value } of marks) model.marks.set(key, value);
      return;
    }
    case 'commit': {
      const { topic, partition } = at(one.place);
      const { start, live } = model.at(topic, partition);
      const offset = start + Math.round(one.part * live.length);
      model.committed.set(`${one.group} ${topic} ${partition}`, offset);
      await bus.commit(one.group, topic, partition, offset);
      return;
    }
    case 'consume':
      model.consuming.add(`${one.group} ${one.topic}`);
      return readAll(bus, model, one.group, one.topic);
    case 'trim':
      model.trim(now);
      return bus.trim();
  }
}

function outcomeOf(error: unknown): string {
  assert.ok(error instanceof GatewatchError && error.code === 'log_full', String(error));
  return error.transient ? 'full' : 'never';
}

/** A consumer must see exactly the live records from its group's committed offset on. */
async function readAll(bus: EmbeddedBus, model: Model, name: string, topic: Topic): Promise<void> {
  const partitions = model.partitions.filter((p) => p.topic === topic);
  const expected = partitions.map(({ partition, start, live }) => {
    const from = model.committed.get(`${name} ${topic} ${partition}`) ?? 0;
    return live.map((record, i) => `${start + i}:${record.text}`).slice(Math.max(0, from - start));
  });
  const seen: string[][] = partitions.map(() => []);
  const isComplete = () => seen.every((texts, partition) => texts.length >= (expected[partition]?.length ?? 0));
  let complete: () => void = () => undefined;
  const all = new Promise<void>((resolve) => {
    complete = resolve;
  });
  if (isComplete()) complete();
  const consumer = await bus.consume({
    group: name,
    topic,
    onAssign: async () => null,
    async onRecords(partition, records) {
      seen[partition]?.push(...records.map(({ offset, value }) => `${offset}:${value}`));
      if (isComplete()) complete();
    },
    onRevoke: async () => undefined,
  });
  await Promise.race([all, consumer.done]);
  await consumer.stop();
  assert.deepEqual(seen, expected);
}

async function compare(bus: EmbeddedBus, model: Model): Promise<void> {
  for (const { topic, partition, start, live } of model.partitions) {
    assert.equal(bus.startOffset(topic, partition), start);
    assert.equal(await bus.endOffset(topic, partition), start + live.length);
    assert.deepEqual(
      (await bus.read(topic, partition, 0, 1_000)).map(({ offset, value }) => `${offset}:${value}`),
      live.map((record, i) => `${start + i}:${record.text}`),
    );
    for (const name of ['one', 'two']) {
      assert.equal(
        await bus.committed(name, topic, partition),
        model.committed.get(`${name} ${topic} ${partition}`) ?? null,
      );
    }
  }
  assert.equal(bus.usage().bytes, model.used('log') + model.used('dead-letter'));
  for (const key of ['a', 'b']) assert.equal(bus.getMark(key), model.marks.get(key) ?? null);
}

function at(index: number) {
  return PLACES[index] ?? { topic: 'events' as const, partition: 0 };
}

/** Text of about a size that says which append made it. */
function text(id: number, bytes: number): string {
  return `${id};`.repeat(1 + Math.floor(bytes / 5));
}
