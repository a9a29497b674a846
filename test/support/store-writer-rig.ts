import assert from 'node:assert/strict';
import type { Bus, EventStore, Logger, Metrics } from '../../platform/ports.ts';
import { type BatchLimits, STORE_GROUP, startEventWriter } from '../../platform/stages/store-writer.ts';
import { EMBEDDED_MEMORY_MIN_BYTES, openEmbeddedStore } from '../../platform/store/embedded.ts';
import { Crash, type CrashPoint, mortal } from './crashes.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export const SILENT: Logger = { info() {}, warn() {}, error() {} };
export const UNCOUNTED: Metrics = { count() {}, gauge() {} };
/** A batch every two records or so: many durable steps, each of them a place to die. */
export const SMALL: Partial<BatchLimits> = { bytes: 600, waitMs: 5 };

type Start = typeof startEventWriter;
export const common = { log: SILENT, metrics: UNCOUNTED, retryPauseMs: 1 };

export async function untilCommitted(bus: Bus, topic: 'events' | 'decisions'): Promise<void> {
  for (let partition = 0; partition < bus.partitions(topic); partition++) {
    while (((await bus.committed(STORE_GROUP, topic, partition)) ?? 0) < (await bus.endOffset(topic, partition))) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

/** Lives of a writer over one store on the real engine, in a new directory. */
export function storeWriterRig() {
  const directory = temporaryDirectory();
  let store: EventStore;
  let lives = 0;

  async function open(): Promise<EventStore> {
    store = await openEmbeddedStore({ directory: directory.path, memoryLimitBytes: EMBEDDED_MEMORY_MIN_BYTES });
    await store.migrate();
    return store;
  }

  async function close(): Promise<void> {
    await store.close();
    directory.remove();
  }

  /** Sources, identities and tokens of one scenario, apart from those of all others. */
  function scenario() {
    const name = `s${lives++}`;
    return { name, generation: name, source: (n: number) => String(lives * 1_000 + n) };
  }

  /** Runs a writer until everything is stored, or until it dies at the point. Gives the durable steps it took. */
  async function live(start: Start, bus: Bus, generation: string, point: CrashPoint | null, limits = SMALL) {
    const process = mortal(bus, store, point);
    const writer = await start({ ...common, bus: process.bus, store: process.store, generation, limits });
    const topic = start === startEventWriter ? 'events' : 'decisions';
    const end = await Promise.race([
      untilCommitted(bus, topic).then(() => 'stored'),
      writer.done.catch((error) => {
        assert.ok(error instanceof Crash, String(error));
        return 'died';
      }),
    ]);
    await writer.stop();
    await writer.done.catch(() => undefined);
    return { end, steps: process.steps() };
  }

  return { open, close, scenario, live };
}
