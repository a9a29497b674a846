import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GatewatchError } from '../../schemas/errors.ts';

const LOCK_FILE = 'owner.lock';

/** How often a start tries again when another process touches the lock file at the same moment. */
const MAX_ATTEMPTS = 5;

/** Who holds a directory. On Linux a process is told from a later one with the same number by its start time. */
interface Owner {
  readonly pid: number;
  /** Start of the process in clock ticks since boot; empty where /proc does not exist. */
  readonly started: string;
  /** The kernel's boot id; empty where /proc does not exist. */
  readonly boot: string;
  readonly token: string;
}

export interface DirectoryLock {
  /** Gives the directory back. Idempotent. */
  release(): void;
}

/**
 * Claims a data directory for this process. Refuses with `store_locked` when a living process (this one included) holds
 * it. A lock left behind by a killed process is recognised and taken over.
 *
 * Misses: a holder in another process-number namespace (two containers on one volume) looks dead. The ownership that
 * `openEnvironment` keeps inside the database covers that: the earlier holder can then no longer write.
 */
export function lockDirectory(directory: string): DirectoryLock {
  const path = join(directory, LOCK_FILE);
  const owner: Owner = { pid: process.pid, started: startOf(process.pid), boot: bootId(), token: randomUUID() };
  const draft = `${path}.${owner.token}`;
  writeFileSync(draft, JSON.stringify(owner));
  try {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (link(draft, path)) return { release: () => release(path, owner.token) };
      const holder = readOwner(path);
      if (holder !== null && isAlive(holder)) throw locked(directory, holder.pid);
      removeStale(path, holder);
    }
  } finally {
    unlinkSync(draft);
  }
  throw locked(directory, null);
}

function locked(directory: string, pid: number | null): GatewatchError {
  const holder = pid === null ? 'another process that starts at this moment' : `process ${pid}`;
  return new GatewatchError(
    'store_locked',
    `${directory} is in use by ${holder}. One process at a time may open it: stop that one, or choose another directory.`,
  );
}

/** A hard link is created by one process only; false when the lock exists already. */
function link(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Moves a dead owner's lock away; puts it back when somebody else replaced it in between. */
function removeStale(path: string, seen: Owner | null): void {
  const aside = `${path}.stale-${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (readOwner(aside)?.token !== seen?.token) link(aside, path);
  unlinkSync(aside);
}

function release(path: string, token: string): void {
  if (readOwner(path)?.token === token) unlinkSync(path);
}

/** null when there is no lock or it cannot be understood (a crash while it was written). */
function readOwner(path: string): Owner | null {
  try {
    const owner = JSON.parse(readFileSync(path, 'utf8')) as Partial<Owner>;
    if (!Number.isInteger(owner.pid) || typeof owner.token !== 'string') return null;
    return { pid: owner.pid as number, started: owner.started ?? '', boot: owner.boot ?? '', token: owner.token };
  } catch {
    return null;
  }
}

function isAlive(owner: Owner): boolean {
  if (owner.boot !== bootId()) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    // EPERM: it lives, but belongs to another user.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return owner.started === startOf(owner.pid);
}

/** Field 22 of /proc/PID/stat (proc(5)); the name in field 2 may hold spaces, so count from its closing bracket. */
function startOf(pid: number): string {
  const stat = readText(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function bootId(): string {
  return readText('/proc/sys/kernel/random/boot_id').trim();
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
