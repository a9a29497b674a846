import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { KafkaBus } from '../../../platform/kafka/bus.ts';
import type { AppendOptions, Mark } from '../../../platform/ports.ts';
import { requiresKafka } from '../../support/kafka/installation.ts';
import { startBroker } from '../../support/kafka-broker.ts';
import { event, linesLog, reading, refused, troubled, until, withInstallation } from './refusal.ts';

const needs = requiresKafka();

/** Appends a record until it is there, as the intake does. */
async function append(bus: KafkaBus, text: string, partition: number, marks: Mark[] = [], options: AppendOptions = {}) {
  for (let done = false; !done; ) {
    done = await bus.append([event(text, partition)], marks, options).then(
      () => true,
      (error) => !refused('bus_unavailable', /Kafka|transaction/)(error),
    );
    if (!done) await wait(50);
  }
}

/** Whether no number came before the first time of one below it. */
function inOrder(numbers: readonly number[]): boolean {
  let highest = -1;
  for (const number of numbers) {
    if (number > highest + 1) return false;
    highest = Math.max(highest, number);
  }
  return true;
}

test(
  'outage: a broker killed in the middle loses nothing, keeps the order, and is said once and over once',
  needs,
  async () => {
    const broker = await startBroker();
    const log = linesLog();
    try {
      await withInstallation(broker.brokers, async (installation) => {
        const bus = await installation.open('one', { log, sessionTimeoutMs: 3_000 });
        const seen: number[] = [];
        const consumer = await bus.consume(
          reading('detector', async (partition, records) => {
            if (partition !== 1) return;
            for (const { value } of records) seen.push(Number(value));
            await bus.commit('detector', 'events', 1, (records.at(-1)?.offset ?? 0) + 1).catch((error: unknown) => {
              if ((error as { code?: string }).code !== 'partition_lost') throw error;
            });
          }),
        );
        let sent = 0;
        let stopped = false;
        const sending = (async () => {
          while (!stopped) await append(bus, String(sent++), 1);
        })();
        // Each key comes with its record or not at all, however often the request was tried.
        let keyed = 0;
        const keying = (async () => {
          for (; !stopped; keyed++) {
            await append(bus, `keyed ${keyed}`, 2, [{ key: `idem/${keyed}`, value: '1' }], { atomic: true });
          }
        })();
        await until(() => seen.length > 20 && keyed > 5);
        await broker.kill();
        await troubled(bus, /Kafka does not answer/);
        await wait(2_000);
        await broker.start();
        const after = sent;
        await until(() => stopped || (bus.trouble() === null && sent > after + 20));
        stopped = true;
        await Promise.all([sending, keying]);
        await until(() => new Set(seen).size === sent);
        assert.ok(inOrder(seen), `order: ${seen.join(' ')}`);
        const records = await bus.read('events', 2, 0, 100_000);
        assert.deepEqual(
          records.map(({ value }) => String(value)),
          Array.from({ length: keyed }, (_, i) => `keyed ${i}`),
          'an atomic append is there once',
        );
        const said = log.lines.filter((line) => /does not answer|works again/.test(line));
        assert.equal(said.length, 2, log.lines.join('\n'));
        assert.match(said[0] ?? '', /^warn .*trying until it works/);
        assert.match(said[1] ?? '', /^info Kafka works again/);
        await consumer.stop();

        await broker.kill();
        const closed = bus.close();
        await assert.rejects(installation.open('two'), refused('bus_unavailable', /Kafka does not answer/));
        await closed;
      });
    } finally {
      await broker.dispose();
    }
  },
);
