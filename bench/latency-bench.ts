import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { connectKafka } from '../platform/kafka/connect.ts';
import type { DecisionsRecord } from '../platform/stages/detect.ts';
import { LOW_LADDER } from '../test/faults/settings.ts';
import { makeWorkload } from '../test/faults/workload.ts';
import { startBroker } from '../test/support/kafka-broker.ts';
import { startRole } from '../test/support/role-process.ts';

const RATE = 1_000;
const BATCH_MS = 10;
/** The first seconds warm the processes up and are not counted. */
const WARM_MS = 10_000;
/** A week of traffic in so many lines of JSON that they last for all seconds; the attacks are on its last day. */
const WORK = { seed: 5, lines: 110_000, identities: 2_000, rotations: 0 };
const SETTLE_MS = 2_000;
const RAW_TOPIC = 'latency-raw';
const LINES_PER_MESSAGE_MAX = 65_536;

/** Jobs that are running or ready to run, as Linux counts them. */
function runQueue(): number {
  return Number(/^procs_running (\d+)/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? 0);
}

/**
 * From the call that writes a line to the raw topic until its decision has been read from `decisions`, at 1,000 lines a
 * second, with the roles `ingest` and `core` as processes of their own. The ladder is low, so that many lines decide.
 */
export async function decisionLatency(): Promise<Record<string, unknown>> {
  const broker = await startBroker();
  const directory = mkdtempSync(join(tmpdir(), 'gatewatch-latency-'));
  const settings = {
    mode: 'distributed',
    kafka: { brokers: broker.brokers, partitions: 4, topic_prefix: 'latency' },
    store: { type: 'none' },
    pseudonym_key: `\${env:KEY}`,
    policy: { ladder: LOW_LADDER },
    sources: [{ name: 'raw', type: 'kafka', topic: RAW_TOPIC, format: 'json', partitions: 1 }],
  };
  const roles = (['ingest', 'core'] as const).map((role) =>
    startRole(directory, role, [role], settings, { KEY: 'ab'.repeat(32) }),
  );
  try {
    await Promise.all(roles.map(({ url }) => url));
    const kafka = connectKafka({ brokers: broker.brokers, clientId: 'latency', tls: null, sasl: null });
    const producer = kafka.producer({ allowAutoTopicCreation: false });
    const consumer = kafka.consumer({ groupId: 'latency-driver', maxWaitTimeInMs: BATCH_MS });
    await Promise.all([producer.connect(), consumer.connect()]);
    await consumer.subscribe({ topics: ['latency.decisions.v1'], fromBeginning: true });
    const sentAt = new Map<number, number>();
    const latencies: number[] = [];
    const started = Date.now();
    await consumer.run({
      eachMessage: async ({ message }) => {
        const now = performance.now();
        const { decisions } = JSON.parse(String(message.value)) as DecisionsRecord;
        for (const { position } of decisions) {
          const sent = sentAt.get(Math.floor(position / LINES_PER_MESSAGE_MAX));
          if (sent !== undefined && Date.now() - started > WARM_MS) latencies.push(now - sent);
        }
      },
    });
    const queue: number[] = [];
    const load = loadavg()[0];
    let number = 0;
    const lines = (makeWorkload(WORK).files.find(({ format }) => format === 'json')?.lines ?? []).map(({ text }) =>
      text.trimEnd(),
    );
    for (let due = performance.now(); number < lines.length; due += BATCH_MS) {
      await wait(Math.max(0, due - performance.now()));
      const messages = lines.slice(number, number + (RATE * BATCH_MS) / 1000).map((value) => ({ value }));
      number += messages.length;
      const called = performance.now();
      const first = number - messages.length;
      // One partition and one producer: offsets count the lines.
      for (let i = 0; i < messages.length; i++) sentAt.set(first + i, called);
      void producer.send({ topic: RAW_TOPIC, messages });
      if (number % (RATE / 2) === 0) queue.push(runQueue());
    }
    const sentLast = Date.now();
    await wait(SETTLE_MS);
    await Promise.all([producer.disconnect(), consumer.disconnect()]);
    latencies.sort((a, b) => a - b);
    const at = (share: number) => Math.round(latencies[Math.floor(latencies.length * share)] ?? Number.NaN);
    return {
      goal: 'p50 below 150 ms, p99 below 500 ms, on an otherwise idle machine',
      p50_ms: at(0.5),
      p99_ms: at(0.99),
      decisions: latencies.length,
      lines_a_second: Math.round((1000 * number) / (sentLast - started)),
      run_queue: { mean: queue.reduce((sum, one) => sum + one, 0) / queue.length, load_before: load },
    };
  } finally {
    for (const role of roles) role.kill('SIGKILL');
    await broker.dispose();
    rmSync(directory, { recursive: true, force: true });
  }
}
