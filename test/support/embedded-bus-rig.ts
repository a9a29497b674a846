import { test } from 'node:test';
import { type EmbeddedBus, type EmbeddedBusOptions, openEmbeddedBus } from '../../platform/bus/embedded.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export const DAY_MS = 24 * 3_600_000;

/** A test that opens buses in one new directory; closes and removes everything at the end. */
export function embedded(
  title: string,
  run: (open: (options?: Partial<EmbeddedBusOptions>) => Promise<EmbeddedBus>, directory: string) => Promise<void>,
): void {
  test(`embedded bus: ${title}`, async () => {
    const directory = temporaryDirectory();
    const opened: EmbeddedBus[] = [];
    try {
      await run(async (options = {}) => {
        const partitions = { events: 2, decisions: 1, 'dead-letter': 1 };
        const defaults = { directory: directory.path, capBytes: 1e6, partitions, durability: 'default' } as const;
        const bus = await openEmbeddedBus({ ...defaults, ...options });
        opened.push(bus);
        return bus;
      }, directory.path);
    } finally {
      for (const bus of opened) await bus.close().catch(() => undefined);
      directory.remove();
    }
  });
}

// With a cap of 1,000,000 bytes events may fill 80 %, decisions 90 % together with them, dead letters 10 %. A record of
// 100,000 bytes takes 25 pages of 4,096 bytes and a leaf entry.
const BLOCK = Buffer.alloc(100_000, 1);
export const events = (count: number, partition = 0) =>
  Array.from({ length: count }, () => ({ topic: 'events', partition, value: BLOCK }) as const);
