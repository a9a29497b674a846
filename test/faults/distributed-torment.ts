import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Draws } from '../../bench/eval/draws.ts';
import type { Role } from '../../config/roles.ts';
import type { RoleProcess } from '../support/role-process.ts';
import { type KillPoint, type Plan, ROLE_KILL_POINTS } from './kill-points.ts';

/** The least that a broker allows by itself. */
export const SESSION_MS = 6_000;
/** A process lives at most so long: it waits for the end of its forerunner's session, reads, saves and stores. */
export const LIFE_MAX_MS = SESSION_MS + 7_000;
/** One that is to die at a point gets more time to come there. */
const POINT_WAIT_MS = SESSION_MS + 16_000;
/** A process is killed at a random moment at the earliest after so long: sooner it has hardly begun to start. */
export const LIFE_MIN_MS = 1_500;
/** One life in so many ends by a stop in good order, and one in so many pauses. */
const LEAVE_ONE_IN = 6;
const PAUSE_ONE_IN = 6;
/** One kill in so many is at a random moment, the others are at points. */
const RANDOM_ONE_IN = 3;
/** Points are passed up to so many times before the kill. */
const COUNT_MAX = 3;
/** Most that an operation under way gets before the kill: a transaction takes some ms, an insert some tens. */
const INSIDE_MS = 10;
const INSERT_INSIDE_MS = 40;
/** One killed core in so many finds an older copy of its state, and one in so many none. */
const OLD_COPY_ONE_IN = 4;
const NO_COPY_ONE_IN = 6;
/** A stop in good order must not hang, not even while broker or store are away. */
const LEAVE_MAX_MS = 60_000;

/** What befell the processes of one role. */
export interface Torments {
  kills: number;
  /** Stopped beyond the session, and woken. */
  pauses: number;
  /** Stopped in good order, and started again. */
  leaves: number;
  /** Started with an older copy of the state, or without one. */
  oldCopies: number;
  readonly byPlace: Map<string, number>;
}

export interface TormentOptions {
  readonly role: Role;
  readonly names: readonly string[];
  /** Where the data directories are. */
  readonly directory: string;
  readonly kills: number;
  readonly draws: Draws;
  running(name: string): RoleProcess;
  /** `leaving` processes may end with exit code 0. */
  leaving(process: RoleProcess): void;
  start(name: string, plan: Plan | null): void;
  failed(why: string): void;
  goesOn(): boolean;
  say(text: string): void;
}

/** Kills the processes of one role, one after the other, at points and at random moments, until it has had its share. */
export async function torment(options: TormentOptions): Promise<Torments> {
  const { role, names, draws, say } = options;
  const done: Torments = { kills: 0, pauses: 0, leaves: 0, oldCopies: 0, byPlace: new Map() };
  const points = shuffle<KillPoint>(ROLE_KILL_POINTS[role], draws);
  const plans = new Map<RoleProcess, Plan>();
  let planned = 0;

  function startAgain(name: string): void {
    const plan =
      draws.below(RANDOM_ONE_IN) === 0 ? null : planFor(points[planned++ % points.length] as KillPoint, draws);
    options.start(name, plan);
    if (plan !== null) plans.set(options.running(name), plan);
  }

  async function pause(victim: RoleProcess): Promise<void> {
    victim.kill('SIGSTOP');
    await wait(SESSION_MS + 1_000 + draws.below(SESSION_MS));
    victim.kill('SIGCONT');
    done.pauses += 1;
  }

  async function leave(name: string, victim: RoleProcess): Promise<void> {
    options.leaving(victim);
    victim.kill('SIGTERM');
    if ((await Promise.race([victim.ended, wait(LEAVE_MAX_MS, 'hangs')])) === 'hangs') {
      options.failed(`${name} did not stop within ${LEAVE_MAX_MS} ms:\n${victim.said()}`);
      victim.kill('SIGKILL');
    }
    done.leaves += 1;
    startAgain(name);
  }

  async function kill(name: string, victim: RoleProcess, startNext = startAgain): Promise<void> {
    victim.kill('SIGKILL');
    await victim.ended;
    const plan = plans.get(victim);
    const at = killedAt(victim.said());
    const place = at ?? (plan === undefined ? 'random' : `random (${plan.point} not reached)`);
    done.byPlace.set(place, (done.byPlace.get(place) ?? 0) + 1);
    done.kills += 1;
    if (role === 'core') changeCopy(join(options.directory, name));
    say(`${role} ${done.kills}: ${name} ${place}`);
    startNext(name);
  }

  /** A copy that is older than the changelog, as a kill in front of it leaves it, or a new machine's. */
  function changeCopy(data: string): void {
    const state = join(data, 'state');
    const old = join(data, 'old-state');
    if (!existsSync(state)) return;
    if (draws.below(NO_COPY_ONE_IN) === 0) {
      rmSync(state, { recursive: true });
      done.oldCopies += 1;
    } else if (existsSync(old) && draws.below(OLD_COPY_ONE_IN) === 0) {
      rmSync(state, { recursive: true });
      cpSync(old, state, { recursive: true });
      done.oldCopies += 1;
    } else cpSync(state, old, { recursive: true });
  }

  while (done.kills < options.kills && options.goesOn()) {
    const name = names[draws.below(names.length)] as string;
    const victim = options.running(name);
    const patience = plans.has(victim) ? POINT_WAIT_MS : LIFE_MIN_MS + draws.below(LIFE_MAX_MS - LIFE_MIN_MS);
    const life = wait(patience, 'lives' as const);
    // Whoever dies at a point meanwhile is started again at once.
    const died = await Promise.race([life, ...names.map((one) => options.running(one).ended.then(() => one))]);
    if (!options.goesOn()) break;
    if (died !== 'lives') await kill(died, options.running(died));
    else if (draws.below(PAUSE_ONE_IN) === 0) await pause(victim);
    else if (draws.below(LEAVE_ONE_IN) === 0) await leave(name, victim);
    else await kill(name, victim);
  }
  // Points that were not reached yet are still passed one day; after that the process lives.
  for (const name of names) {
    const last = options.running(name);
    void last.ended.then(async () => {
      if (options.goesOn()) await kill(name, last, (one) => options.start(one, null));
    });
  }
  return done;
}

function planFor(point: KillPoint, draws: Draws): Plan {
  const insideMs = point === 'insert.inside' ? INSERT_INSIDE_MS : INSIDE_MS;
  return { point, count: 1 + draws.below(COUNT_MAX), delayMs: point.endsWith('.inside') ? draws.below(insideMs) : 0 };
}

function killedAt(said: string): string | null {
  return /^\{"killedAt":"([^"]+)"\}$/m.exec(said)?.[1] ?? null;
}

function shuffle<T>(items: readonly T[], draws: Draws): T[] {
  const shuffled = [...items];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = draws.below(i + 1);
    [shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T];
  }
  return shuffled;
}
