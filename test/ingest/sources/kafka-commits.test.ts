import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { HighMarks } from '../../../schemas/admit.ts';
import { openBlock } from '../../../schemas/block.ts';
import { bytes, start } from '../../support/kafka-source-rig.ts';
import { createMemoryRawLog } from '../../support/memory-raw-log.ts';
import { createSourcesMemoryBus, type SourcesMemoryBus } from '../../support/sources-memory-bus.ts';
import { type StoredLine, storedLines, testIntake, until } from '../../support/sources-rig.ts';

/** Each (source, position) once, with its text; fails when one position had two texts. */
function unique(lines: readonly StoredLine[]): Map<string, string> {
  const seen = new Map<string, string>();
  for (const { source, position, text } of lines) {
    const id = `${source} ${position}`;
    assert.equal(seen.get(id) ?? text, text);
    seen.set(id, text);
  }
  return seen;
}

/** What a message of the property test holds, and the lines that it must give. */
const message = fc.oneof(
  fc.nat().map((n) => ({ value: Buffer.from(`{"n":${n}}`), lines: [`{"n":${n}}`] })),
  fc.array(fc.nat(), { minLength: 2, maxLength: 4 }).map((numbers) => {
    const lines = numbers.map((n) => `{"n":${n}}`);
    return { value: Buffer.from(lines.join('\n')), lines };
  }),
  fc.array(fc.nat(), { maxLength: 4 }).map((numbers) => {
    const lines = numbers.map((n) => `{"n":${n}}`);
    return { value: gzipSync(`[${lines.join(',')}]`), lines };
  }),
  fc.constant({ value: null, lines: [] as string[] }),
  fc.constant({ value: Buffer.from('[{"n"'), lines: [] as string[] }),
);

describe('raw topic as a source', () => {
  test('any cut into batches, with any crashes, gives each line at its one position', async () => {
    const turn = fc.record({ size: fc.integer({ min: 1, max: 5 }), waitMs: fc.integer({ min: 0, max: 4 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(message, { maxLength: 12 }), { minLength: 2, maxLength: 2 }),
        fc.array(turn, { maxLength: 3 }),
        async (partitions, crashes) => {
          const raw = createMemoryRawLog(2);
          const expected: string[] = [];
          for (const [partition, messages] of partitions.entries()) {
            raw.produce(
              partition,
              messages.map(({ value }) => value),
            );
            messages.forEach(({ lines }, offset) => {
              lines.forEach((text, i) => void expected.push(`${partition} ${offset * 65_536 + i} ${text}`));
            });
          }
          let bus = createSourcesMemoryBus({ delayMs: () => 1 });
          for (const { size, waitMs } of crashes) {
            raw.cut(() => size);
            let dead = false;
            const inner = testIntake(bus);
            const paused = () => (dead ? { cause: 'bus_unavailable' as const, why: 'dead' } : inner.paused());
            const { source } = start(raw, bus, { intake: { accept: inner.accept, paused } });
            await new Promise((resolve) => setTimeout(resolve, waitMs));
            // Else nothing is committed: the period of that is longer than these lives.
            if (waitMs % 2 === 0) await source.stop();
            raw.crash();
            bus = bus.crash();
            dead = true;
            await source.stop();
          }
          const { source, intake } = start(raw, bus);
          const ends = partitions.map((messages) => messages.length);
          await until(() => ends.every((end, partition) => (raw.handled.get(partition) ?? 0) >= end));
          await source.stop();
          await intake.close();
          const names = new Map(sourceNames());
          const found = Array.from(unique(storedLines(bus.records)), ([id, text]) => {
            const [from = '', position] = id.split(' ');
            return `${names.get(from)} ${position} ${text}`;
          });
          assert.deepEqual(found.sort(), expected.sort());
          for (const [partition, end] of ends.entries()) {
            if (end > 0) assert.equal(raw.committed.get(partition), end);
          }
          assertRising(bus);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('offsets are committed only when the lines before them are durable', async () => {
    const raw = createMemoryRawLog(1);
    const bus = createSourcesMemoryBus();
    bus.hold(true);
    raw.produce(0, bytes('{"n":1}', '{"n":2}'));
    const { source, intake } = start(raw, bus);
    await until(() => intake.pendingBytes() > 0);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    assert.deepEqual(raw.commits, []);
    bus.hold(false);
    await until(() => raw.commits.length > 0);
    assert.deepEqual(raw.commits, [{ partition: 0, next: 2 }]);
    await source.stop();
    await intake.close();
  });

  test('a commit that fails is tried again and stops nothing', async () => {
    const raw = createMemoryRawLog(1);
    raw.fail('commit', 1);
    raw.produce(0, bytes('{"n":1}'));
    const { source } = start(raw, createSourcesMemoryBus());
    await until(() => raw.commits.length > 0);
    assert.equal(raw.committed.get(0), 1);
    await source.stop();
  });

  test('a partition that is taken away is committed first, and read on from there', async () => {
    const raw = createMemoryRawLog(1);
    const bus = createSourcesMemoryBus();
    raw.produce(0, bytes('{"n":1}'));
    const { source } = start(raw, bus);
    await until(() => storedLines(bus.records).length === 1);
    await raw.revoke(0);
    assert.equal(raw.committed.get(0), 1);
    raw.produce(0, bytes('{"n":2}'));
    await until(() => storedLines(bus.records).length === 2);
    await source.stop();
    assert.equal(raw.committed.get(0), 2);
  });

  test('a stop ends also while nothing can be made durable, and commits nothing that is not', async () => {
    const raw = createMemoryRawLog(1);
    const bus = createSourcesMemoryBus();
    bus.full(true);
    raw.produce(0, bytes('{"n":1}'));
    const { source, intake } = start(raw, bus);
    await until(() => intake.paused() !== null);
    await source.stop();
    await source.done;
    assert.deepEqual(raw.commits, []);
    bus.full(false);
    await intake.close();
  });
});

/** Source ids are the first 8 bytes of SHA-256 of these names (made with sha256sum). */
function sourceNames(): [string, number][] {
  return [
    ['18274458431280661901', 0],
    ['2652988177339828326', 1],
  ];
}

/** First appearances of positions rise within a partition of the bus: admit() skips repeats by that alone. */
function assertRising(bus: SourcesMemoryBus): void {
  const high: HighMarks = new Map();
  const seen = new Set<string>();
  for (const { topic, partition, value } of bus.records) {
    if (topic !== 'events') continue;
    const block = openBlock(value);
    const rows = block.bytes.toString('utf8', block.start).split('\n');
    let row = 0;
    for (const run of block.header.runs) {
      for (let i = 0; i < run.count; i++) {
        const [position] = JSON.parse(rows[row++] as string) as [number];
        const id = `${partition} ${run.source}`;
        if (seen.has(`${id} ${position}`)) continue;
        seen.add(`${id} ${position}`);
        assert.ok(position > (high.get(id) ?? -1));
        high.set(id, position);
      }
    }
  }
}
