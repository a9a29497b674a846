import type { Bus, EventStore } from '../../platform/ports.ts';

/** What a process that is no more does at every step. */
export class Crash extends Error {}

/** Where a process dies: at its nth durable step, before the step was carried out or after, unnoticed. */
export interface CrashPoint {
  readonly step: number;
  readonly when: 'before' | 'after';
}

/**
 * A process over a durable bus and store that dies at one point: from there on every step of it fails. Without a point it
 * lives, and `steps` says how many points there are.
 */
export function mortal(bus: Bus, store: EventStore, point: CrashPoint | null) {
  let steps = 0;
  let dead = false;

  async function step<T>(run: () => Promise<T>): Promise<T> {
    if (dead) throw new Crash();
    const here = point !== null && steps === point.step ? point.when : null;
    steps += 1;
    if (here === 'before') {
      dead = true;
      throw new Crash();
    }
    const result = await run();
    if (here === 'after' || dead) {
      dead = true;
      throw new Crash();
    }
    return result;
  }

  return {
    steps: () => steps,
    bus: {
      ...bus,
      append: (...args: Parameters<Bus['append']>) => step(() => bus.append(...args)),
      commit: (...args: Parameters<Bus['commit']>) => step(() => bus.commit(...args)),
    } satisfies Bus,
    store: {
      ...store,
      insert: (insert: Parameters<EventStore['insert']>[0]) => step(() => store.insert(insert)),
    } satisfies EventStore,
  };
}
