import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Child, ChildEnded, startChild } from './child-process.ts';
import type { ChildOptions } from './child-protocol.ts';
import { countComplaints } from './comparison.ts';
import { type Advance, createTraffic, type Traffic } from './traffic.ts';
import type { Workload } from './workload.ts';

/** Often enough that most kills come with a checkpoint or two behind them. */
export const CHECKPOINT_MS = 300;

/** Only to end a run that hangs: what arrives does so within seconds. */
const SETTLE_MAX_MS = 180_000;

/** A workload, a data directory, and the program that is started on it again and again. */
export interface Run {
  readonly traffic: Traffic;
  readonly dumpPath: string;
  /** Starts the program; the former one must have ended. */
  start(options?: Partial<ChildOptions>): Child;
  /** Resolves when the traffic is where it was to be; rejects when the program ends before that. */
  arrived(advance: Advance, child: Child): Promise<void>;
  /** Lets everything sent be stored, and says what is wrong with what is stored. */
  check(child: Child): Promise<string[]>;
  /** Brings the traffic to its end, writes the dump, stops the program, and says what is wrong with the counts. */
  finish(child: Child): Promise<string[]>;
  close(): void;
}

/**
 * `directory` must be new. `seed` shapes how the traffic is cut, not what it holds. `data`: the data directory, when it
 * is not to be beside the logs.
 */
export function createRun(
  directory: string,
  workload: Workload,
  seed: number,
  data: string = join(directory, 'data'),
): Run {
  const logs = join(directory, 'logs');
  mkdirSync(logs, { recursive: true });
  let current: Child | null = null;
  const traffic = createTraffic(workload, logs, () => current?.url() ?? null, seed);
  const files = workload.files.map(({ name, format }, i) => ({ name, format, path: traffic.writers[i]?.path ?? '' }));
  const dumpPath = join(directory, 'dump.ndjson');

  async function check(child: Child): Promise<string[]> {
    const settled = child.command({ do: 'settle', checkpointed: true }).then(() => true);
    try {
      if (await Promise.race([settled, wait(SETTLE_MAX_MS, false, { ref: false })])) {
        return countComplaints(await child.count(), traffic.sent());
      }
    } catch (error) {
      if (!(error instanceof ChildEnded)) throw error;
      return [(await child.ended).failure ?? error.message];
    }
    const health = await fetch(`${child.url()}/v1/health`);
    return [`not all is stored after ${SETTLE_MAX_MS} ms; health: ${await health.text()}`];
  }

  async function arrived(advance: Advance, child: Child): Promise<void> {
    await advance.files;
    const ending = await Promise.race([advance.clients.then(() => null), child.ended]);
    if (ending !== null) throw new Error(ending.failure ?? 'the program ended');
  }

  return {
    traffic,
    dumpPath,
    arrived,
    start(options = {}) {
      current = startChild({ directory: data, files, checkpointMs: CHECKPOINT_MS, ...options });
      return current;
    },
    check,
    async finish(child) {
      await arrived(traffic.advanceTo(1), child);
      const complaints = await check(child);
      await child.command({ do: 'dump', path: dumpPath });
      await child.command({ do: 'stop' });
      const { failure } = await child.ended;
      return failure === null ? complaints : [...complaints, failure];
    },
    close() {
      current?.kill();
      traffic.stop();
    },
  };
}

/** The whole workload without a kill: what every other run must come to. Gives the path of the dump. */
export async function uninterrupted(directory: string, workload: Workload): Promise<string> {
  const run = createRun(directory, workload, 1);
  try {
    const child = run.start();
    await child.listening;
    const complaints = await run.finish(child);
    if (complaints.length > 0) throw new Error(`the uninterrupted run is wrong already:\n${complaints.join('\n')}`);
    return run.dumpPath;
  } finally {
    run.close();
  }
}
