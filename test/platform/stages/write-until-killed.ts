/** A process for store-kill.test.ts: feeds the log and stores it, until it is killed. Arguments: directory, lines. */
import { join } from 'node:path';
import { openEmbeddedBus } from '../../../platform/bus/embedded.ts';
import { startEventWriter } from '../../../platform/stages/store-writer.ts';
import { EMBEDDED_MEMORY_MIN_BYTES, openEmbeddedStore } from '../../../platform/store/embedded.ts';
import { openBlock } from '../../../schemas/block.ts';
import { blockOf } from '../../support/store-blocks.ts';

const [, , directory, lines] = process.argv as [string, string, string, string];
const PARTITIONS = 2;
const BLOCK = 50;

const bus = await openEmbeddedBus({
  directory: join(directory, 'bus'),
  capBytes: 64 * 1024 * 1024,
  partitions: { events: PARTITIONS, decisions: PARTITIONS, 'dead-letter': 1 },
  durability: 'default',
});
const store = await openEmbeddedStore({
  directory: join(directory, 'store'),
  memoryLimitBytes: EMBEDDED_MEMORY_MIN_BYTES,
});
await store.migrate();
const writer = await startEventWriter({
  bus,
  store,
  generation: bus.generation,
  log: { info() {}, warn: console.error, error: console.error },
  metrics: { count() {}, gauge() {} },
  limits: { bytes: 100_000, waitMs: 20 },
});
writer.done.catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
console.log('started');
/** Positions of a partition's source that are in the log. */
async function logged(partition: number): Promise<Set<number>> {
  const positions = new Set<number>();
  const end = await bus.endOffset('events', partition);
  for (let offset = 0; offset < end; offset += 100) {
    for (const { value } of await bus.read('events', partition, offset, 100)) {
      for (const { first, last } of openBlock(value).header.runs) {
        for (let position = first; position <= last; position++) positions.add(position);
      }
    }
  }
  return positions;
}

// The producer was killed too: it goes on a little before the end of the log, with blocks cut differently.
for (let partition = 0; partition < PARTITIONS; partition++) {
  const begin = Math.max(0, (await logged(partition)).size - 70);
  for (let first = begin; first < Number(lines); first += BLOCK) {
    const events = Array.from({ length: BLOCK }, (_, i) => ({ source: String(partition), position: first + i }));
    await bus.append([{ topic: 'events', partition, value: blockOf(events) }]);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
for (let partition = 0; partition < PARTITIONS; partition++) {
  while (((await bus.committed('store', 'events', partition)) ?? 0) < (await bus.endOffset('events', partition))) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
const [row] = await store.query<object>(
  `SELECT count() AS rows, uniqExact((source, position)) AS distinct,
     (SELECT sum(requests) FROM activity_hourly) AS rolledUp FROM events`,
);
const inLog = (await logged(0)).size + (await logged(1)).size;
console.log(`stored ${JSON.stringify({ ...row, inLog })}`);
await writer.stop();
await store.close();
await bus.close();
