import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Bus, Clock, Logger, Metrics } from '../../platform/ports.ts';
import type { LineFormat } from '../formats/format.ts';
import type { Intake } from '../intake.ts';
import { createEndWaiters } from './end-waiters.ts';
import { createFileFollower, type FileFollower, type FollowedFile } from './file-follower.ts';
import { FILE_TIME_SLACK_MS, folderTime, lookForFiles } from './file-lookup.ts';
import { createFileRegistry, type FileRegistry } from './file-registry.ts';
import { createHandOver } from './hand-over.ts';
import { createLingeringFiles, type LingeringFiles } from './lingering-files.ts';
import { createPathWatch } from './path-watch.ts';
import { createScratch } from './scratch.ts';
import { createWakeup } from './wakeup.ts';

/** How often files are looked at without being told of a change. Network file systems never tell. */
const POLL_MS = 200;
/** How long a rotated file must have been quiet before its successor is begun: a writer needs a moment to reopen. */
const GRACE_MS = 1_000;
/** How long a rotated file is watched for late lines; then its last line counts as complete. Slow workers, long requests. */
const LINGER_MS = 60_000;
/** How long the registration of a file that is gone is kept: it may come back (a mount that failed, a restored copy). */
const FORGET_MS = 24 * 3_600_000;
/** How long an input error is left alone before the file is tried again. */
const RETRY_MS = 1_000;

export interface FileSourceOptions {
  /** Name in the settings. Registrations belong to it: another name reads the file anew. */
  readonly name: string;
  readonly path: string;
  readonly format: LineFormat;
  /** Where to begin when this source has never read anything. */
  readonly from: 'beginning' | 'end';
  readonly intake: Pick<Intake, 'accept'>;
  readonly bus: Pick<Bus, 'marks'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly pollMs?: number;
  readonly graceMs?: number;
  readonly lingerMs?: number;
}

export interface FileProgress {
  /** Bytes handed over and known size, of the files that are not yet read to their end. */
  readonly bytesRead: number;
  readonly bytesTotal: number;
  /** All that was found is read and durable. */
  readonly atEnd: boolean;
}

export interface FileSource {
  /** Opens the files and begins to read. Rejects with `source_unreadable` when the file cannot be read. */
  start(): Promise<void>;
  /**
   * Stops reading and closes the files. Batches that were handed over stay with the intake: close it, or let it work
   * off its queue, before the same source is started again.
   */
  stop(): Promise<void>;
  progress(): FileProgress;
  /** Resolves when all that was written before the call is durable; rejects when the source stops before that. */
  caughtUp(): Promise<void>;
  /** Resolves after `stop`; rejects when the intake no longer takes lines. */
  readonly done: Promise<void>;
}

/**
 * Follows a log file through rotation, by renaming and by copying and cutting, and across restarts.
 *
 * A file is known by device, inode and first line, and has a random source id; a line's position is the offset of its
 * first byte. Id and position are durable together with the lines. Every line of a file is handed over once, at its
 * position, provided that the file stays readable until it is read, under a name in the same folder.
 *
 * Misses: lines that were compressed, moved to another folder or deleted before they were read (logrotate: use
 * `delaycompress`); a file written anew with the same first line and the same bytes in front of the read position; lines
 * written between the copy and the cut of copytruncate; an incomplete last line of a rotated file is complete after
 * `lingerMs`, so a writer that ends it later yields the two halves.
 */
export function createFileSource(options: FileSourceOptions): FileSource {
  const { name, path, format, from, intake, bus, clock, log, metrics } = options;
  const pollMs = options.pollMs ?? POLL_MS;
  const graceMs = options.graceMs ?? GRACE_MS;
  const lingerMs = options.lingerMs ?? LINGER_MS;
  const wakeup = createWakeup();
  const stopping = () => state !== 'running';
  const scratch = createScratch();
  const handOver = createHandOver({ intake, sourceName: name, format, wakeup, stopping, failed });
  let state: 'new' | 'running' | 'stopping' | 'failed' = 'new';
  let registry: FileRegistry;
  let follower: FileFollower;
  let startedMs = 0;
  let fromEnd = false;
  let active: FollowedFile | null = null;
  let queue: FollowedFile[] = [];
  let lingering: LingeringFiles;
  const watching = createPathWatch(path, (renamed) => {
    if (renamed) lastCheckMs = Number.NEGATIVE_INFINITY;
    wakeup.wake();
  });
  let lastCheckMs = Number.NEGATIVE_INFINITY;
  let folderMs = 0;
  let atEnd = false;
  let lastTrouble = '';
  let turns = 0;
  const waiters = createEndWaiters();
  let loop: Promise<void> = Promise.resolve();
  let end: { resolve(): void; reject(error: unknown): void } = { resolve() {}, reject() {} };
  const done = new Promise<void>((resolve, reject) => {
    end = { resolve, reject };
  });
  done.catch(() => {});

  function failed(error: unknown): void {
    if (state !== 'running') return;
    state = 'failed';
    log.error({ source: name }, 'file source stops: lines cannot be handed over');
    end.reject(error);
  }

  /** Fills the queue with what there is to read. */
  async function look(): Promise<void> {
    const { all } = registry;
    const now = clock.now();
    const lookup = await lookForFiles({
      path,
      registry,
      clock,
      opened: lingering.all().map((f) => ({ file: f.reader.file, key: f.registration?.key ?? null })),
      notBeforeMs:
        all.size === 0 ? startedMs - FILE_TIME_SLACK_MS : Math.max(...Array.from(all.values(), (r) => r.sinceMs)),
      recentMs: now - lingerMs,
    });
    const { files, recent, gone } = lookup;
    folderMs = lookup.folderMs;
    const forgotten = gone.filter((registration) => registration.atMs < now - FORGET_MS);
    if (forgotten.length > 0) handOver.marks(forgotten.map((registration) => registry.remove(registration.key)));
    for (const found of recent) lingering.add(await follower.open(found, false));
    for (const found of files) {
      // A rotated file may be at the path again under its old name.
      const back = lingering.takeBack(found.file);
      if (back !== null) await found.file.handle.close();
      queue.push(back ?? (await follower.open(found, fromEnd && found.file.path === path)));
    }
    fromEnd = false;
  }

  function statPath(): Promise<BigIntStats | null> {
    return stat(path, { bigint: true }).catch(() => null);
  }

  /** Whether the writer has gone on to another file than the active one. */
  async function isRotated(followed: FollowedFile): Promise<boolean> {
    const { device, inode } = followed.reader.file;
    const atPath = await statPath();
    if (atPath === null) return queue.length > 0;
    return atPath.dev.toString() !== device || atPath.ino.toString() !== inode;
  }

  /** All is read: tells those who wait for it, once it is durable. */
  function noteEnd(): void {
    if (handOver.inFlight() > 0) return;
    atEnd = true;
    metrics.gauge('gatewatch_file_unread_bytes', { source: name }, 0);
    waiters.reached(turns);
  }

  async function next(): Promise<FollowedFile | null> {
    // While the file is missing only the path is looked at: listing a large folder five times a second is not idle.
    const missing = lastTrouble === 'missing' && (await statPath()) === null;
    if (queue.length === 0 && !missing) await look();
    const followed = queue.shift() ?? null;
    if (followed === null && lastTrouble === '') {
      lastTrouble = 'missing';
      log.info({ source: name, path }, 'the file is not there yet: waiting for it');
    }
    if (followed === null) return null;
    lastTrouble = '';
    if (followed.reader.file.path === path) watching.renew();
    return followed;
  }

  async function turn(): Promise<void> {
    turns += 1;
    active ??= await next();
    if (stopping()) return;
    const advance = active === null ? 'end' : await follower.advance(active);
    if (advance === 'more' || advance === 'lines') atEnd = false;
    if (advance === 'more') {
      const { bytesRead, bytesTotal } = progress();
      metrics.gauge('gatewatch_file_unread_bytes', { source: name }, bytesTotal - bytesRead);
      return;
    }
    if (advance === 'truncated' && active !== null) {
      if (active.registration !== null) {
        log.info({ source: name, path: active.reader.file.path }, 'the file was cut: it is read as a new one');
        metrics.count('gatewatch_file_rotations_total', { source: name, kind: 'truncated' }, 1);
      }
      await active.reader.close();
      active = null;
      return;
    }
    const nowMs = performance.now();
    if (nowMs - lastCheckMs >= pollMs || waiters.any() || queue.length > 0) {
      lastCheckMs = nowMs;
      const late = await lingering.tend();
      if (late) wakeup.wake();
      const rotated = active !== null && (await isRotated(active));
      if (active !== null && rotated !== active.rotated) {
        // Read once more after another file was seen at the path: this one may have been cut just before it was renamed.
        active.rotated = rotated;
        lastCheckMs = Number.NEGATIVE_INFINITY;
        return;
      }
      if (active !== null && rotated) {
        const waitMs = active.quietSinceMs + graceMs - nowMs;
        if (waitMs > 0) return wakeup.wait(Math.min(waitMs, pollMs));
        metrics.count('gatewatch_file_rotations_total', { source: name, kind: 'renamed' }, 1);
        lingering.add(active);
        active = null;
        return;
      }
      if (advance === 'end' && !late) noteEnd();
    }
    await wakeup.wait(pollMs);
  }

  /** After an input error: everything is opened anew a little later, from the positions that were handed over. */
  async function recover(error: unknown): Promise<void> {
    const message = error instanceof Error ? error.message : String(error);
    if (message !== lastTrouble) log.error({ source: name, path }, message);
    lastTrouble = message;
    await closeAll();
    await wakeup.wait(RETRY_MS);
  }

  async function closeAll(): Promise<void> {
    watching.close();
    const open = active === null ? queue : [active, ...queue];
    active = null;
    queue = [];
    await Promise.allSettled([...open.map((followed) => followed.reader.close()), lingering.closeAll()]);
  }

  async function run(): Promise<void> {
    while (!stopping()) {
      try {
        await turn();
      } catch (error) {
        if (!stopping()) await recover(error);
      }
    }
    await closeAll();
    waiters.giveUp();
  }

  function progress(): FileProgress {
    let bytesRead = 0;
    let bytesTotal = 0;
    for (const followed of [...(active === null ? [] : [active]), ...queue]) {
      bytesRead += followed.reader.position();
      bytesTotal += followed.reader.size();
    }
    return { bytesRead, bytesTotal, atEnd };
  }

  return {
    async start() {
      if (state !== 'new') throw new Error('a file source is started once');
      startedMs = clock.now();
      registry = createFileRegistry(bus, name);
      const unchanged = async () => (await folderTime(path)) === folderMs;
      follower = createFileFollower({ registry, handOver, scratch, clock, unchanged, stopping });
      fromEnd = from === 'end' && registry.all.size === 0;
      lingering = createLingeringFiles({ follower, lingerMs, stopping });
      state = 'running';
      try {
        await look();
      } catch (error) {
        state = 'stopping';
        await closeAll();
        throw error;
      }
      loop = run();
    },
    async stop() {
      if (state === 'running') state = 'stopping';
      wakeup.wake();
      await loop;
      end.resolve();
    },
    progress,
    caughtUp() {
      if (state !== 'running') return Promise.reject(new Error('the file source is not running'));
      wakeup.wake();
      return waiters.wait(turns);
    },
    done,
  };
}
