import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIdempotencyKeys } from '../../../ingest/sources/idempotency.ts';
import { createSourcesMemoryBus } from '../../support/sources-memory-bus.ts';

const result = { lines: 1, accepted: 1, dropped: 0, deadLettered: 0 };

/** A name that falls into the first group. */
function nameOf(n: number): string {
  return `idem/000${n.toString(16).padStart(61, '0')}`;
}

test('each new key removes the keys of its group that are more than a day old, and no others', async () => {
  const bus = createSourcesMemoryBus();
  let nowMs = 0;
  const keys = createIdempotencyKeys({ bus, clock: { now: () => nowMs }, sourceName: 'push' });
  await bus.append([], keys.marks(nameOf(1), result));
  await bus.append([], keys.marks(`idem/fff${'0'.repeat(61)}`, result));
  nowMs = 12 * 3_600_000;
  await bus.append([], keys.marks(nameOf(2), result));
  nowMs = 24 * 3_600_000;
  await bus.append([], keys.marks(nameOf(3), result));
  assert.deepEqual(
    [...bus.marks('idem/')].map(({ key }) => key),
    [nameOf(2), nameOf(3), `idem/fff${'0'.repeat(61)}`],
  );
});

test('the number of keys of a group is bounded: beyond it the oldest go', async () => {
  const bus = createSourcesMemoryBus();
  let nowMs = 0;
  const keys = createIdempotencyKeys({ bus, clock: { now: () => nowMs }, sourceName: 'push' });
  for (let n = 0; n < 300; n++) {
    nowMs += 1;
    await bus.append([], keys.marks(nameOf(n), result));
  }
  const kept = [...bus.marks('idem/')].map(({ key }) => key);
  assert.equal(kept.length, 128);
  assert.deepEqual(
    kept,
    Array.from({ length: 128 }, (_, i) => nameOf(300 - 128 + i)),
  );
});

test('an entry that cannot be read counts as unknown and is removed', async () => {
  const bus = createSourcesMemoryBus();
  await bus.append(
    [],
    [
      { key: nameOf(1), value: 'not JSON' },
      { key: nameOf(2), value: '{"at":1}' },
    ],
  );
  const keys = createIdempotencyKeys({ bus, clock: { now: () => 1_732_500_000_000 }, sourceName: 'push' });
  assert.equal(keys.stored(nameOf(1)), null);
  assert.equal(keys.stored(nameOf(2)), null);
  await bus.append([], keys.marks(nameOf(3), result));
  assert.deepEqual(
    [...bus.marks('idem/')].map(({ key }) => key),
    [nameOf(3)],
  );
});
