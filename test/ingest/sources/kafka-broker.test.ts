import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Kafka, logLevel } from 'kafkajs';
import { startKafkaSource } from '../../../ingest/sources/kafka.ts';
import { systemClock } from '../../../platform/clock.ts';
import type { KafkaBus } from '../../../platform/kafka/bus.ts';
import { requiresKafka } from '../../support/kafka/installation.ts';
import { sharedBroker } from '../../support/kafka-broker.ts';
import { type KafkaInstallation, kafkaInstallation } from '../../support/kafka-installation.ts';
import { requires } from '../../support/requires.ts';
import { createSourcesMemoryBus } from '../../support/sources-memory-bus.ts';
import {
  deadLetters,
  NO_METRICS,
  QUIET_LOG,
  storedLines,
  TEST_FORMAT,
  testIntake,
  textLine,
  until,
} from '../../support/sources-rig.ts';

const PARTITIONS = 2;
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

const requiresKcat = () => requires('kcat', spawnSync('kcat', ['-V'], { stdio: 'ignore' }).status === 0);

describe('raw topic on a broker as a source', requiresKafka(), () => {
  let brokers: readonly string[];
  let installation: KafkaInstallation;
  let bus: KafkaBus;

  before(async () => {
    brokers = await sharedBroker();
    installation = kafkaInstallation(brokers);
    bus = await installation.open();
  });
  after(async () => {
    await bus?.close();
    installation?.remove();
  });

  /** Starts a source over a bus in memory. */
  function start(topic: string, events = createSourcesMemoryBus()) {
    const intake = testIntake(events);
    const source = startKafkaSource({
      ...{ name: 'edge', topic, groupId: `${topic}-group`, from: 'beginning', partitions: PARTITIONS },
      ...{ retentionMs: 3_600_000, format: { ...TEST_FORMAT, name: 'json' }, origin: 'here', raw: bus.raw, intake },
      ...{ line: textLine(events.partitions('events')), clock: systemClock, log: QUIET_LOG, metrics: NO_METRICS },
    });
    return { source, intake, texts: () => storedLines(events.records).map(({ text }) => text), events };
  }

  async function produce(topic: string, partition: number, values: readonly (Buffer | string | null)[]): Promise<void> {
    const producer = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).producer();
    await producer.connect();
    await producer.send({ topic, messages: values.map((value) => ({ partition, value })) });
    await producer.disconnect();
  }

  test('each shape of message gives its lines at its positions, and a restart goes on behind them', async () => {
    const topic = `${installation.prefix}-shapes`;
    await bus.raw.settle({ topic, partitions: PARTITIONS, retentionMs: 3_600_000 });
    await produce(topic, 1, [
      '{"n":0}',
      '{"n":1}\n{"n":2}\r\n',
      '[{"n":3}, {"n":4}]',
      null,
      gzipSync('{"n":5}\n{"n":6}'),
      gzipSync('{"n":7}').subarray(0, 12),
      '[{"n":8}',
      '{"n":9}',
    ]);
    const events = createSourcesMemoryBus();
    const first = start(topic, events);
    await until(() => first.texts().includes('{"n":9}'));
    await first.source.stop();
    await first.intake.close();
    assert.deepEqual(
      storedLines(events.records)
        .sort((a, b) => a.position - b.position)
        .map(({ position, text }) => [position, text]),
      [
        [0, '{"n":0}'],
        [65_536, '{"n":1}'],
        [65_537, '{"n":2}'],
        [2 * 65_536, '{"n":3}'],
        [2 * 65_536 + 1, '{"n":4}'],
        [4 * 65_536, '{"n":5}'],
        [4 * 65_536 + 1, '{"n":6}'],
        [7 * 65_536, '{"n":9}'],
      ],
    );
    assert.deepEqual(
      deadLetters(events.records).map(({ reason, position }) => [reason, position]),
      [
        ['invalid_gzip', 5 * 65_536],
        ['invalid_json', 6 * 65_536],
      ],
    );
    await produce(topic, 1, ['{"n":10}']);
    const second = start(topic);
    await until(() => second.texts().length > 0);
    await second.source.stop();
    await second.intake.close();
    assert.deepEqual(second.texts(), ['{"n":10}']);
  });

  test('batches that librdkafka compressed with any codec of Kafka are read', requiresKcat(), async () => {
    const topic = `${installation.prefix}-codecs`;
    await bus.raw.settle({ topic, partitions: PARTITIONS, retentionMs: 3_600_000 });
    const expected: string[] = [];
    for (const codec of CODECS) {
      // Long enough that compressing pays, else the producer leaves it.
      const lines = Array.from({ length: 50 }, (_, i) => `{"n":${i},"codec":"${codec}","text":"${'a'.repeat(100)}"}`);
      expected.push(...lines);
      const args = ['-P', '-b', brokers.join(','), '-t', topic, '-p', '0', '-z', codec];
      const sent = spawnSync('kcat', args, { input: `${lines.join('\n')}\n`, encoding: 'utf8' });
      assert.equal(sent.status, 0, sent.stderr);
    }
    const { source, intake, texts } = start(topic);
    await until(() => texts().length >= expected.length);
    await source.stop();
    await intake.close();
    assert.deepEqual(texts().sort(), expected.sort());
  });
});
