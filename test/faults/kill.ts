import { setTimeout as wait } from 'node:timers/promises';
import { createDraws, type Draws } from '../../bench/eval/draws.ts';
import { type Child, ChildEnded } from './child-process.ts';
import { dumpComplaints } from './comparison.ts';
import { KILL_POINTS, type KillPoint, type Plan } from './kill-points.ts';
import { createRun } from './run.ts';
import type { Workload } from './workload.ts';

export interface KillRunOptions {
  /** New, for the run alone. */
  readonly directory: string;
  readonly workload: Workload;
  /** Dump of the uninterrupted run. */
  readonly reference: string;
  /** SIGKILLs; in the distributed run, of each role. */
  readonly kills: number;
  readonly seed: number;
  readonly say: (text: string) => void;
}

export interface KillRunResult {
  readonly kills: number;
  /** How often it was killed where. */
  readonly byPlace: ReadonlyMap<string, number>;
  /** Times that everything sent so far was counted in the store. */
  readonly checks: number;
  readonly complaints: readonly string[];
}

/** A kill at a random moment comes after at most so long; in this time a child starts, reads and stores. */
const RANDOM_KILL_MAX_MS = 1_800;
/** So long a child may take to come past a point. */
const POINT_WAIT_MS = 4_000;
/** Points are passed up to so many times before the kill. */
const COUNT_MAX = 3;
/** One kill in so many is at a random moment, the others are at points. */
const RANDOM_ONE_IN = 3;
/** One kill in so many comes while the child is still starting or catching up, with no check before it. */
const EARLY_ONE_IN = 4;
/** Most that an operation under way gets before the kill: a transaction takes some ms, an insert some tens. */
const INSIDE_MS = 4;
const INSERT_INSIDE_MS = 40;

const POINTS = KILL_POINTS.filter((point) => point !== 'guard');

/**
 * Kills the program again and again, at random moments and at its kill points, while a workload goes on; restarts it at
 * once, and counts after each restart what is stored. In the end everything stored must be what the uninterrupted run
 * stored. Ends at the first complaint.
 */
export async function killRun(options: KillRunOptions): Promise<KillRunResult> {
  const { workload, kills, say } = options;
  const draws = createDraws(options.seed);
  const run = createRun(options.directory, workload, options.seed);
  const byPlace = new Map<string, number>();
  let killed = 0;
  let planned = 0;
  let checks = 0;
  const complaints: string[] = [];
  const result = () => ({ kills: killed, byPlace, checks, complaints });
  const shuffled = shuffle(POINTS, draws);

  /** Each point as often as the others. */
  function nextPlan(): Plan | null {
    if (killed % RANDOM_ONE_IN === 0) return null;
    const point = shuffled[planned % shuffled.length] as KillPoint;
    planned += 1;
    return planFor(point, draws);
  }

  /** Waits for the child to kill itself, or kills it; notes where it died. */
  async function killChild(child: Child, plan: Plan | null): Promise<void> {
    const patience = plan === null ? draws.below(RANDOM_KILL_MAX_MS) : POINT_WAIT_MS;
    await Promise.race([child.ended, wait(patience)]);
    child.kill();
    const { failure, at } = await child.ended;
    if (failure !== null) complaints.push(failure);
    const place = at ?? (plan === null ? 'random' : `random (${plan.point} not reached)`);
    byPlace.set(place, (byPlace.get(place) ?? 0) + 1);
    killed += 1;
  }

  try {
    let child = run.start();
    // A file that was rotated away before the program ever read of its path is none of its business.
    await run.arrived(run.traffic.advanceTo(1 / (kills + 2)), child);
    complaints.push(...(await run.check(child)));
    while (killed < kills) {
      const advance = run.traffic.advanceTo((killed + 2) / (kills + 2));
      const plan = nextPlan();
      if (plan !== null) await child.command({ do: 'arm', plan }).catch(ignoreEnd);
      await killChild(child, plan);
      const early = draws.below(EARLY_ONE_IN) === 0 && killed < kills ? nextPlan() : undefined;
      if (early !== undefined) await killChild(run.start(early === null ? {} : { plan: early }), early);
      child = run.start();
      await run.arrived(advance, child);
      complaints.push(...(await run.check(child)));
      checks += 1;
      say(`${killed} kills, ${run.traffic.sent().accepted} lines: ${complaints.length === 0 ? 'right' : complaints}`);
      if (complaints.length > 0) return result();
    }
    complaints.push(...(await run.finish(child)));
    checks += 1;
    complaints.push(...dumpComplaints(run.dumpPath, options.reference));
    return result();
  } finally {
    run.close();
  }
}

function planFor(point: KillPoint, draws: Draws): Plan {
  const insideMs = point === 'insert.inside' ? INSERT_INSIDE_MS : INSIDE_MS;
  const delayMs = point.endsWith('.inside') ? draws.below(insideMs) : 0;
  return { point, count: 1 + draws.below(COUNT_MAX), delayMs };
}

function ignoreEnd(error: unknown): void {
  if (!(error instanceof ChildEnded)) throw error;
}

function shuffle<T>(items: readonly T[], draws: Draws): T[] {
  const shuffled = [...items];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = draws.below(i + 1);
    [shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T];
  }
  return shuffled;
}
