import { writeSync } from 'node:fs';
import { openEmbeddedBus } from '../../../platform/bus/embedded.ts';

// Child of the kill test. Appends numbered records until it is killed: number n goes to `events` and to `decisions`, and
// the mark `source` becomes n, in one append. Tells each append only once it is acknowledged.
const directory = process.argv[2] ?? '';

const bus = await openEmbeddedBus({
  directory,
  capBytes: 100e6,
  partitions: { events: 4, decisions: 2, 'dead-letter': 1 },
  durability: 'default',
});

/** Appends that wait at the same time, so that one transaction takes several. */
const IN_FLIGHT = 5;

let next = Number(bus.getMark('source') ?? -1) + 1;

async function appendForever(): Promise<never> {
  for (;;) {
    const n = next;
    next += 1;
    const value = Buffer.alloc(200 + ((n * 977) % 40_000), `${n};`);
    await bus.append(
      [
        { topic: 'events', partition: n % 4, value },
        { topic: 'decisions', partition: n % 2, value: Buffer.from(`${n};`) },
      ],
      [{ key: 'source', value: `${n}` }],
    );
    if (n % 10 === 0) await bus.commit('g', 'events', 0, await bus.endOffset('events', 0));
    writeSync(1, `${n}\n`);
  }
}

await Promise.all(Array.from({ length: IN_FLIGHT }, appendForever));
