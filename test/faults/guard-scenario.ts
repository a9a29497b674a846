import { setTimeout as wait } from 'node:timers/promises';
import type { Child } from './child-process.ts';
import type { ChildOptions } from './child-protocol.ts';
import { dumpComplaints } from './comparison.ts';
import type { Guard } from './guards.ts';
import type { Plan } from './kill-points.ts';
import { CHECKPOINT_MS, createRun, type Run } from './run.ts';
import type { Workload } from './workload.ts';

/** One kill at a chosen place, with some guards switched off, and what must come of it. */
export interface Scenario {
  readonly off: readonly Guard[];
  /** Where it is killed; `decided`: as soon as decisions are stored. */
  readonly at: Plan | 'decided';
  /** Checkpoints of the first life. */
  readonly checkpointMs?: number;
  /** The check has to say this; null: it has nothing to say. */
  readonly complaint: RegExp | null;
}

/** Part of the traffic that is there before the kill is armed, so that there is something to lose. */
const BEFORE = 0.4;
/** The traffic goes on in steps until the kill, and no further than this: the rest comes after the restart. */
const LAST = 0.97;
const STEP = 0.004;
const STEP_MS = 60;
/** A child that never comes to the point ends the scenario. */
const POINT_WAIT_MS = 60_000;

/** Plays a scenario and gives what the check says in the end. Rejects when the kill did not come where it should. */
export async function playScenario(
  directory: string,
  workload: Workload,
  reference: string,
  { off, at, checkpointMs = CHECKPOINT_MS }: Scenario,
): Promise<string[]> {
  const run = createRun(directory, workload, 1);
  try {
    const options: Partial<ChildOptions> = { guardsOff: off };
    const first = run.start({ ...options, checkpointMs });
    await first.listening;
    await run.arrived(run.traffic.advanceTo(BEFORE), first);
    if (at !== 'decided') await first.command({ do: 'arm', plan: at });
    await trafficUntilEnd(run, first, at === 'decided');
    const { failure, at: died } = await first.ended;
    if (failure !== null) throw new Error(failure);
    if (at !== 'decided' && died !== at.point) throw new Error(`it never came to ${at.point}`);

    const second = run.start(options);
    await second.listening;
    const complaints = await run.finish(second);
    return [...complaints, ...dumpComplaints(run.dumpPath, reference)];
  } finally {
    run.close();
  }
}

async function trafficUntilEnd(run: Run, child: Child, killWhenDecided: boolean): Promise<void> {
  let ended = false;
  void child.ended.then(() => {
    ended = true;
  });
  const deadline = performance.now() + POINT_WAIT_MS;
  for (let share = BEFORE; !ended && performance.now() < deadline; share = Math.min(LAST, share + STEP)) {
    run.traffic.advanceTo(share);
    await Promise.race([child.ended, wait(STEP_MS)]);
    if (!killWhenDecided || ended) continue;
    const { decisions } = await child.count();
    if (decisions > 0) break;
  }
  child.kill();
}
