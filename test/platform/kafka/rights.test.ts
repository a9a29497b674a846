import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { KafkaBus } from '../../../platform/kafka/bus.ts';
import type { MarkKind } from '../../../platform/kafka/marks.ts';
import type { ErrorCode } from '../../../schemas/errors.ts';
import { requiresKafka } from '../../support/kafka/installation.ts';
import type { KafkaInstallation } from '../../support/kafka-installation.ts';
import { type GuardedBroker, type Right, startGuardedBroker } from './guarded-broker.ts';
import { event, reading, refused, troubled, until, withInstallation } from './refusal.ts';

const needs = requiresKafka();

let started: Promise<GuardedBroker> | null = null;
/** One for all tests of this file. */
function guardedBroker(): Promise<GuardedBroker> {
  started ??= startGuardedBroker();
  return started;
}
after(async () => (await started)?.dispose());

/** The table of docs/operations.md: what each role needs when the topics are there. */
const EVERY: (prefix: string) => Right[] = (prefix) => [
  ['DescribeConfigs', 'topic', `${prefix}.*`],
  ['Describe', 'topic', `${prefix}.*`],
  ['Read', 'topic', `${prefix}.marks.v1`],
  ['Write', 'topic', `${prefix}.marks.v1`],
  ['Write', 'topic', `${prefix}.events.v1`],
  ['Write', 'transactional-id', `${prefix}-*`],
];
const ROLES: Readonly<Record<'ingest' | 'core' | 'serve', (prefix: string) => Right[]>> = {
  ingest: (prefix) => [
    ['Write', 'topic', `${prefix}.dead-letter.v1`],
    ['Read', 'group', `${prefix}-ingest-*`],
    ['Read', 'topic', `raw-${prefix}`],
  ],
  core: (prefix) => [
    ['Read', 'topic', `${prefix}.events.v1`],
    ['Read', 'topic', `${prefix}.detector-state.v1`],
    ['Write', 'topic', `${prefix}.detector-state.v1`],
    ['Write', 'topic', `${prefix}.decisions.v1`],
    ['Read', 'group', `${prefix}-detector-*`],
  ],
  serve: (prefix) => [
    ['Read', 'topic', `${prefix}.events.v1`],
    ['Read', 'topic', `${prefix}.decisions.v1`],
    ['Write', 'topic', `${prefix}.dead-letter.v1`],
    ['Read', 'group', `${prefix}-store-*`],
  ],
};
const KINDS: Readonly<Record<keyof typeof ROLES, readonly MarkKind[]>> = {
  ingest: ['idempotency'],
  core: [],
  serve: ['store'],
};

/** The topics are there, made by somebody who may. */
async function prepared(
  run: (guarded: GuardedBroker, installation: KafkaInstallation) => Promise<void>,
): Promise<void> {
  const guarded = await guardedBroker();
  await withInstallation(guarded.broker.internal, async (installation) => {
    const maker = await installation.open('maker');
    await maker.raw.settle({ topic: `raw-${installation.prefix}`, partitions: 1, retentionMs: 3_600_000 });
    await maker.append([event('first')]);
    await maker.close();
    await run(guarded, installation);
  });
}

async function asRole(role: keyof typeof ROLES, use: (bus: KafkaBus, prefix: string) => Promise<void>): Promise<void> {
  await prepared(async (guarded, installation) => {
    const { prefix } = installation;
    const rights = [...EVERY(prefix), ...ROLES[role](prefix)];
    await guarded.grant(rights);
    const bus = await installation.open(role, { settings: guarded.settings(), markKinds: KINDS[role] });
    try {
      await use(bus, prefix);
      assert.equal(bus.trouble(), null);
    } finally {
      await bus.close();
      await guarded.deny(rights);
    }
  });
}

/** Reads the topic as the group until something has come. */
async function readOne(bus: KafkaBus, group: string, topic: 'events' | 'decisions'): Promise<void> {
  let seen = 0;
  const consumer = await bus.consume(
    reading(
      group,
      async (_, records) => {
        seen += records.length;
      },
      { topic },
    ),
  );
  await until(() => seen > 0);
  await consumer.stop();
}

test('rights: those of role ingest are enough to append, to keep idempotency keys and to read a raw topic', needs, () =>
  asRole('ingest', async (bus, prefix) => {
    await bus.append([event('x')]);
    await bus.append([event('y'), { ...event('z'), topic: 'dead-letter' }], [{ key: 'idem/1', value: '1' }], {
      atomic: true,
    });
    let assigned = 0;
    const raw = await bus.raw.consume({
      groupId: `${prefix}-ingest-source`,
      topic: `raw-${prefix}`,
      from: 'beginning',
      onAssign: async () => void assigned++,
      onRecords: async () => undefined,
      onRevoke: async () => undefined,
      onGap: () => undefined,
    });
    await until(() => assigned === 1);
    await raw.commit(0, 0);
    await raw.stop();
  }),
);

test('rights: those of role core are enough to read events, to write decisions and to keep state', needs, () =>
  asRole('core', async (bus) => {
    await readOne(bus, 'detector', 'events');
    await bus.append([{ ...event('d'), topic: 'decisions' }]);
    const row = { key: Buffer.from('r'), value: Buffer.from('1') };
    await bus.saveOwned('detector', 'events', 0, 1, 'detector-state', [row]);
    await bus.readCompacted('detector-state', 0, 0, async () => undefined);
    assert.equal(await bus.committed('detector', 'events', 0), 1);
  }),
);

test(
  'rights: those of role serve are enough to read events and decisions and to commit with marks and dead letters',
  needs,
  () =>
    asRole('serve', async (bus) => {
      await readOne(bus, 'store', 'events');
      const letter = { ...event('l'), topic: 'dead-letter' } as const;
      await bus.commit('store', 'events', 0, 1, [{ key: 'store/events/0', value: '1' }], [letter]);
      assert.equal(await bus.committed('store', 'events', 0), 1);
      assert.equal(await bus.endOffset('decisions', 0), 0);
      const consumer = await bus.consume(reading('store', async () => undefined, { topic: 'decisions' }));
      await consumer.stop();
    }),
);

test('rights: everything under the prefix is enough for all roles, and to make the topics', needs, async () => {
  const guarded = await guardedBroker();
  await withInstallation(guarded.broker.internal, async ({ prefix, open }) => {
    await guarded.grant([
      ['All', 'topic', `${prefix}.*`],
      ['All', 'group', `${prefix}-*`],
      ['All', 'transactional-id', `${prefix}-*`],
    ]);
    const bus = await open('one', { settings: guarded.settings() });
    await bus.append([event('x')], [{ key: 'idem/1', value: '1' }], { atomic: true });
    await readOne(bus, 'detector', 'events');
    await bus.commit('detector', 'events', 0, 1);
    await bus.close();
  });
});

/** Everything but one right: opening is refused, and the message names the command that grants it. */
function missing(
  title: string,
  lacks: (prefix: string) => Right[],
  words: RegExp,
  code: ErrorCode = 'bus_refused',
): void {
  test(`rights: ${title}`, needs, () =>
    prepared(async (guarded, { prefix, open }) => {
      const without = lacks(prefix).map(String);
      const rights = EVERY(prefix).filter((right) => !without.includes(String(right)));
      await guarded.grant(rights);
      await assert.rejects(open('one', { settings: guarded.settings() }), refused(code, words));
      await guarded.deny(rights);
    }),
  );
}

missing('without Describe of the topics the bus is refused', (p) => EVERY(p), /a right on the topic.*--topic/);
missing('without DescribeConfigs the bus is refused', (p) => [['DescribeConfigs', 'topic', `${p}.*`]], /--topic/);
missing(
  'without Read of the marks the bus is refused',
  (p) => [['Read', 'topic', `${p}.marks.v1`]],
  /marks\.v1.*--topic/,
);
missing(
  'without Write on its transactional ids the bus waits and names the right',
  (p) => [['Write', 'transactional-id', `${p}-*`]],
  /no coordinator of transactional id.*--transactional-id/,
  'bus_unavailable',
);

/** One right is lacking while the bus runs: it says so, and goes on when it is granted. */
function granted(
  title: string,
  lacks: (prefix: string) => Right,
  words: RegExp,
  use: (bus: KafkaBus) => Promise<void>,
): void {
  test(`rights: ${title}`, needs, () =>
    prepared(async (guarded, { prefix, open }) => {
      const right = lacks(prefix);
      const all = [...EVERY(prefix), ...ROLES.core(prefix), ...ROLES.serve(prefix)];
      const rights = all.filter((one) => String(one) !== String(right));
      await guarded.grant(rights);
      const bus = await open('one', { settings: guarded.settings() });
      try {
        const used = use(bus);
        await troubled(bus, words);
        await guarded.grant([right]);
        await used;
        await until(() => bus.trouble() === null);
      } finally {
        await bus.close();
        await guarded.deny([...rights, right]);
      }
    }),
  );
}

async function appendUntilDone(bus: KafkaBus, words: RegExp): Promise<void> {
  for (let done = false; !done; ) {
    done = await bus.append([event('x')]).then(
      () => true,
      (error) => !refused('bus_refused', words)(error),
    );
  }
}

granted(
  'without Write on events an append is refused, and goes through when it is granted',
  (prefix) => ['Write', 'topic', `${prefix}.events.v1`],
  /events\.v1.*--topic/,
  (bus) => appendUntilDone(bus, /events\.v1.*--topic/),
);
granted(
  'without Read on events a consumer waits, says so, and reads when it is granted',
  (prefix) => ['Read', 'topic', `${prefix}.events.v1`],
  /events\.v1.*--topic/,
  (bus) => readOne(bus, 'detector', 'events'),
);
granted(
  'without Read on its group a consumer waits, says so, and reads when it is granted',
  (prefix) => ['Read', 'group', `${prefix}-detector-*`],
  /no coordinator of .*group.*--group/,
  (bus) => readOne(bus, 'detector', 'events'),
);
granted(
  'without a right on a topic of its records a commit is lost, says so, and comes about when it is granted',
  (prefix) => ['Write', 'topic', `${prefix}.decisions.v1`],
  /decisions\.v1|a right on the topic/,
  async (bus) => {
    const decision = { ...event('d'), topic: 'decisions' } as const;
    const consumer = await bus.consume(
      reading('detector', async (partition, records) => {
        await bus.commit('detector', 'events', partition, (records.at(-1)?.offset ?? 0) + 1, [], [decision]);
      }),
    );
    await until(async () => (await bus.committed('detector', 'events', 0)) === 1);
    await consumer.stop();
    assert.equal((await bus.read('decisions', 0, 0, 10)).length, 1, 'once');
  },
);
