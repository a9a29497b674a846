import assert from 'node:assert/strict';
import { test } from 'node:test';
import kafkajs, { CompressionTypes, Kafka, logLevel } from 'kafkajs';
import type { KafkaBusOptions } from '../../../platform/kafka/bus.ts';
import { CONTRACT_PARTITIONS } from '../../contracts/bus.ts';
import { requiresKafka } from '../../support/kafka/installation.ts';
import { sharedBroker } from '../../support/kafka-broker.ts';
import { event, refused, troubled, until, withInstallation } from './refusal.ts';

const needs = requiresKafka();
const DAY_MS = 86_400_000;

/** As another program at the same cluster. */
async function stranger(): Promise<Kafka> {
  return new Kafka({ brokers: [...(await sharedBroker())], logLevel: logLevel.NOTHING });
}

async function setTopic(name: string, setting: string, value: string): Promise<void> {
  const admin = (await stranger()).admin();
  await admin.connect();
  const configEntries = [{ name: setting, value }];
  const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name, configEntries }];
  await admin.alterConfigs({ validateOnly: false, resources });
  await admin.disconnect();
}

/** Opens once, so that the topics are there, then again with something that does not fit them. */
function unfit(title: string, options: Partial<KafkaBusOptions>, words: RegExp, setting?: [string, string]): void {
  test(`topics: ${title}`, needs, async () =>
    withInstallation(await sharedBroker(), async (installation) => {
      await (await installation.open()).close();
      if (setting !== undefined) await setTopic(`${installation.prefix}.marks.v1`, ...setting);
      await assert.rejects(installation.open('two', options), refused('topic_unfit', words));
    }),
  );
}

unfit(
  'another number of partitions is refused with what to change',
  { partitions: { ...CONTRACT_PARTITIONS, events: 6 } },
  /events\.v1 has 4 partitions and must have 6.*kafka\.partitions: 4/,
);
unfit(
  'events that are kept too short are refused with the command that mends it',
  { retentionMs: 30 * DAY_MS },
  /retention\.ms=86400000 and needs 2592000000: kafka-configs\.sh .*retention\.ms=2592000000.*log\.retention/,
);
unfit(
  'a limit of messages that is too low is refused with the command that mends it',
  {},
  /marks\.v1 has max\.message\.bytes=900000 and needs 1048588: kafka-configs\.sh .*cleanup\.policy/,
  ['max.message.bytes', '900000'],
);

test(
  'topics: a record over the limit waits with a message, and goes through when the limit is raised',
  needs,
  async () =>
    withInstallation(await sharedBroker(), async (installation) => {
      const bus = await installation.open();
      const topic = `${installation.prefix}.events.v1`;
      try {
        await setTopic(topic, 'max.message.bytes', '2000');
        // No codec makes these smaller.
        const value = Buffer.from(Array.from({ length: 5_000 }, () => Math.random() * 256));
        const record = { topic: 'events', partition: 0, value } as const;
        const advice = new RegExp(`max\\.message\\.bytes of topic ${topic}.* 1048588`);
        await assert.rejects(bus.append([record]), refused('message_too_large', advice));
        await assert.rejects(
          bus.append([record], [{ key: 'k', value: 'v' }], { atomic: true }),
          refused('message_too_large', /max\.message\.bytes/),
        );
        assert.match(bus.trouble() ?? '', advice);
        await setTopic(topic, 'max.message.bytes', '1048588');
        await bus.append([record]);
        assert.equal(bus.trouble(), null);
        assert.equal((await bus.read('events', 0, 0, 10)).length, 1, 'nothing of what was refused');
      } finally {
        await bus.close();
      }
    }),
);

test('topics: raw records of a codec that is not installed are waited for, and none is passed over', needs, async () =>
  withInstallation(await sharedBroker(), async (installation) => {
    const topic = `raw-${installation.prefix}`;
    const bus = await installation.open();
    const codecs = kafkajs.CompressionCodecs as Record<number, unknown>;
    const lz4 = codecs[CompressionTypes.LZ4];
    try {
      await bus.raw.settle({ topic, partitions: 1, retentionMs: DAY_MS });
      const producer = (await stranger()).producer();
      await producer.connect();
      for (const compression of [CompressionTypes.None, CompressionTypes.LZ4, CompressionTypes.None]) {
        await producer.send({ topic, compression, messages: [{ value: `codec ${compression}` }] });
      }
      await producer.disconnect();
      // What the client has in the place of a codec that nobody installed. Its types know no arguments.
      const NotImplemented = kafkajs.KafkaJSNotImplemented as new (message: string) => Error;
      codecs[CompressionTypes.LZ4] = () => {
        throw new NotImplemented('LZ4 compression not implemented');
      };
      const seen: string[] = [];
      const consumer = await bus.raw.consume({
        groupId: `${installation.prefix}-raw`,
        topic,
        from: 'beginning',
        onAssign: async () => undefined,
        async onRecords(_, records) {
          for (const { value } of records) seen.push(String(value));
        },
        onRevoke: async () => undefined,
        onGap: () => assert.fail('nothing was removed'),
      });
      await troubled(bus, /compressed with lz4: npm install lz4-napi/);
      codecs[CompressionTypes.LZ4] = lz4;
      await until(() => seen.length >= 3);
      assert.deepEqual(
        [...new Set(seen)],
        ['codec 0', 'codec 3', 'codec 0'].filter((one, i, all) => all.indexOf(one) === i),
      );
      await until(() => bus.trouble() === null);
      await consumer.stop();
    } finally {
      codecs[CompressionTypes.LZ4] = lz4;
      await bus.close();
    }
  }),
);

test(
  'topics: processes that start at once on an empty cluster make the topics once and agree on the logs',
  needs,
  async () =>
    withInstallation(await sharedBroker(), async (installation) => {
      const buses = await Promise.all(['a', 'b', 'c'].map((name) => installation.open(name)));
      assert.equal(new Set(buses.map(({ generation }) => generation)).size, 1);
      await buses[0]?.append([event('x')]);
      assert.equal(await buses[2]?.endOffset('events', 0), 1);
      await Promise.all(buses.map((bus) => bus.close()));
    }),
);
