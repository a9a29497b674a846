import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kafka } from 'kafkajs';
import type { Config } from '../config/schema.ts';
import { checkConfig } from '../config.ts';
import { type KafkaBus, openKafkaBus } from '../platform/kafka/bus.ts';
import { connectKafka } from '../platform/kafka/connect.ts';
import { createMetrics } from '../platform/metrics.ts';
import type { Logger } from '../platform/ports.ts';
import { startBroker } from '../test/support/kafka-broker.ts';
import { cpuSeconds } from './floor.ts';

export const PARTITIONS = 8;

export const benchLog: Logger = { info() {}, warn: (_, message) => console.error(message), error: console.error };

export interface KafkaRig {
  readonly bus: KafkaBus;
  readonly kafka: Kafka;
  readonly brokers: readonly string[];
  readonly directory: string;
  readonly config: Config;
  readonly metrics: ReturnType<typeof createMetrics>;
  /** Reads a topic with the client alone until `onValue` says that it has had the last; gives CPU seconds. */
  consumeAlone(topic: string, onValue: (value: Buffer) => boolean): Promise<number>;
  close(): Promise<void>;
}

/** A broker of its own and a bus on it. The broker is another process: its CPU time does not count. */
export async function kafkaRig(): Promise<KafkaRig> {
  const broker = await startBroker();
  const directory = mkdtempSync(join(tmpdir(), 'gatewatch-bench-'));
  const settings = { brokers: broker.brokers, clientId: 'bench', tls: null, sasl: null };
  const checked = checkConfig(`data_directory: ${directory}\n`, 'bench.yaml', {});
  if ('problems' in checked) throw new Error(JSON.stringify(checked.problems));
  const bus = await openKafkaBus({
    settings,
    prefix: 'bench',
    partitions: { events: PARTITIONS, decisions: PARTITIONS, 'dead-letter': 1 },
    retentionMs: 86_400_000,
    replicationFactor: null,
    compression: 'auto',
    sessionTimeoutMs: 10_000,
    directory: join(directory, 'bus'),
    instance: 'bench',
    markKinds: [],
    log: benchLog,
  });
  const kafka = connectKafka(settings);
  return {
    bus,
    kafka,
    brokers: broker.brokers,
    directory,
    config: checked.config,
    metrics: createMetrics({ strict: false }),
    async consumeAlone(topic, onValue) {
      const consumer = kafka.consumer({ groupId: `alone-${Date.now()}`, maxBytesPerPartition: 2 * 1024 * 1024 });
      await consumer.connect();
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      const started = cpuSeconds();
      let finish = () => {};
      const all = new Promise<void>((resolve) => {
        finish = resolve;
      });
      await consumer.run({
        eachBatch: async ({ batch }) => {
          for (const { value } of batch.messages) if (value !== null && onValue(value)) finish();
        },
      });
      await all;
      const used = cpuSeconds() - started;
      await consumer.disconnect();
      return used;
    },
    async close() {
      await bus.close();
      await broker.dispose();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
