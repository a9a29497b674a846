import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { KafkaSource } from '../../../ingest/sources/kafka.ts';
import type { Metrics } from '../../../platform/ports.ts';
import { openBlock } from '../../../schemas/block.ts';
import { GatewatchError } from '../../../schemas/errors.ts';
import { bytes, start } from '../../support/kafka-source-rig.ts';
import { createMemoryRawLog, type MemoryRawLog } from '../../support/memory-raw-log.ts';
import { createSourcesMemoryBus, type SourcesMemoryBus } from '../../support/sources-memory-bus.ts';
import { deadLetters, keepingLog, storedLines, until } from '../../support/sources-rig.ts';

describe('raw topic as a source', () => {
  test('a topic that cannot be looked up is tried again, and said once', async () => {
    const raw = createMemoryRawLog(1);
    raw.fail('settle', 2);
    raw.produce(0, bytes('{"n":1}'));
    const bus = createSourcesMemoryBus();
    const log = keepingLog();
    const { source } = start(raw, bus, { log });
    await until(() => storedLines(bus.records).length === 1);
    assert.deepEqual(log.messages, ['no broker answers; trying until it works']);
    await source.stop();
  });

  test('what a message loses goes to the dead letter and is logged; its neighbours are read', async () => {
    const raw = createMemoryRawLog(1);
    const archive = gzipSync('{"n":1}');
    raw.produce(0, [...bytes('{"n":1}', '[{"n":2}'), archive.subarray(0, 15), ...bytes('oops', '{"n":3}')]);
    const bus = createSourcesMemoryBus();
    const log = keepingLog();
    const { source } = start(raw, bus, { log });
    await until(() => raw.committed.get(0) === 5);
    assert.deepEqual(texts(bus), ['{"n":1}', '{"n":3}']);
    // Lines that the format refuses come first in a batch.
    assert.deepEqual(
      deadLetters(bus.records).map(({ reason, position }) => [reason, position]),
      [
        ['not_in_format', 3 * 65_536],
        ['invalid_json', 65_536],
        ['invalid_gzip', 2 * 65_536],
      ],
    );
    assert.deepEqual(log.messages, ['messages went to the dead letter']);
    await source.stop();
  });

  test('records that the retention removed unread are counted and logged', async () => {
    const raw = createMemoryRawLog(1);
    const bus = createSourcesMemoryBus();
    raw.produce(0, bytes('{"n":1}'));
    await stopWhenCommitted(start(raw, bus).source, raw, 1);
    raw.produce(0, bytes('{"n":2}', '{"n":3}', '{"n":4}'));
    raw.trim(0, 3);
    const log = keepingLog();
    const counted = new Map<string, number>();
    const metrics: Metrics = {
      count: (name, _labels, by) => void counted.set(name, (counted.get(name) ?? 0) + by),
      gauge() {},
    };
    await stopWhenCommitted(start(raw, bus, { log, metrics }).source, raw, 4);
    // Offsets 1 and 2 are gone.
    assert.equal(counted.get('gatewatch_source_gap_records_total'), 2);
    assert.equal(log.messages.length, 1);
    assert.deepEqual(texts(bus), ['{"n":1}', '{"n":4}']);
  });

  test('tombstones and empty messages are counted as dropped, and committed', async () => {
    const raw = createMemoryRawLog(1);
    raw.produce(0, [null, Buffer.alloc(0), gzipSync('')]);
    const dropped: unknown[] = [];
    const metrics: Metrics = {
      count(name, labels, by) {
        if (name === 'gatewatch_dropped_total') dropped.push(labels, by);
      },
      gauge() {},
    };
    await stopWhenCommitted(start(raw, createSourcesMemoryBus(), { metrics }).source, raw, 3);
    assert.deepEqual(dropped, [{ reason: 'empty' }, 3]);
  });

  test('times are clamped to the newest record of a block, and never to a time that has not come yet', async () => {
    const raw = createMemoryRawLog(1);
    const bus = createSourcesMemoryBus();
    raw.produce(0, bytes('{"n":1}'), { timestampMs: 1_000 });
    raw.produce(0, bytes('{"n":2}'), { timestampMs: 2_000 });
    await stopWhenCommitted(start(raw, bus).source, raw, 2);
    assert.deepEqual(clocks(bus), [2_000]);
    const before = Date.now();
    raw.produce(0, bytes('{"n":3}'), { timestampMs: 2 * before });
    await stopWhenCommitted(start(raw, bus).source, raw, 3);
    const last = clocks(bus).at(-1) ?? 0;
    assert.ok(last >= before && last <= Date.now());
  });

  test('the delay of the source is the age of the records whose lines became durable', async () => {
    const raw = createMemoryRawLog(1);
    const bus = createSourcesMemoryBus();
    raw.produce(0, bytes('{"n":1}'), { timestampMs: 4_000 });
    const delays: number[] = [];
    const metrics: Metrics = {
      count() {},
      gauge: (name, _labels, value) => void (name === 'gatewatch_source_delay_seconds' && delays.push(value)),
    };
    const { source } = start(raw, bus, { metrics, clock: { now: () => 10_000 } });
    await until(() => delays.length >= 3);
    await source.stop();
    // 10 s - 4 s; then there is nothing to read.
    assert.deepEqual(delays.slice(0, 3), [0, 6, 0]);
  });

  test('an offset whose positions would not be exact ends the source with an error that says so', async () => {
    const raw = createMemoryRawLog(1);
    // 2^37: times 65,536 that is 2^53.
    raw.produce(0, bytes('{"n":1}'), { gap: 2 ** 37 });
    const { source } = start(raw, createSourcesMemoryBus());
    await assert.rejects(source.done, (error) => error instanceof GatewatchError && error.code === 'topic_unfit');
    await source.stop();
  });
});

const texts = (bus: SourcesMemoryBus) => storedLines(bus.records).map(({ text }) => text);

async function stopWhenCommitted(source: KafkaSource, raw: MemoryRawLog, next: number): Promise<void> {
  await until(() => raw.committed.get(0) === next);
  await source.stop();
}

function clocks(bus: SourcesMemoryBus): (number | null)[] {
  const blocks = bus.records
    .filter(({ topic }) => topic === 'events')
    .map(({ value }) => openBlock(value).header.clock);
  return [...new Set(blocks)];
}
