import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Clock } from '../../platform/ports.ts';
import { GatewatchError } from '../../schemas/errors.ts';
import { type DirectoryFile, directoryFiles } from './directory-files.ts';
import type { FileRegistry, Registration } from './file-registry.ts';
import { type LogFile, openLogFile, readHead } from './log-file.ts';
import {
  type Candidate,
  type FoundFile,
  findCopied,
  findRegistered,
  isSpareCopy,
  type RegisteredFile,
  toCandidate,
  unreadFile,
} from './registered-files.ts';
import { isCompressedName, isRotationName } from './rotation-names.ts';
import { unreadable } from './unreadable.ts';

/** Rotated files that are held open at a time; the others are found when these are read. Spares file descriptors. */
const QUEUE_MAX_FILES = 64;
/** How often a folder is listed in the hope that nothing changes in it meanwhile. */
const TRIES_MAX = 5;
/** File times come from the kernel's coarse clock, which lags by up to a timer tick: 10 ms at 100 Hz. */
export const FILE_TIME_SLACK_MS = 20;

export interface Lookup {
  /** In the order in which to read them: rotated files, oldest first, then the file at the path. */
  readonly files: readonly FoundFile[];
  /** Read to their end but written lately: a slow writer may still add to them. */
  readonly recent: readonly FoundFile[];
  /** Registrations of files that are gone. */
  readonly gone: readonly Registration[];
  /** Time of the folder when it was listed; NaN: it never was quiet. */
  readonly folderMs: number;
}

export interface LookupOptions {
  readonly path: string;
  readonly registry: FileRegistry;
  readonly clock: Clock;
  /** Files that are open already and left alone; key null: not registered yet. */
  readonly opened: readonly { readonly file: LogFile; readonly key: string | null }[];
  /** Unknown rotated files that were last written before this moment, ms, belong to the time before this source. */
  readonly notBeforeMs: number;
  /** Files written after this moment, ms, count as recent. */
  readonly recentMs: number;
}

/**
 * Finds what there is to read: the file at the path, and files beside it that were rotated away.
 *
 * - A file whose device, inode and first line are registered, and which still holds the bytes in front of the registered
 *   position, is the registered one, whatever its name.
 * - A registration whose file is gone, or begins otherwise now, was copied and cut ("copytruncate") when there is an
 *   unknown file with the same first line and the same bytes in front of the position: the copy goes on under its id.
 * - An unknown file with a rotation name, written since this source knows the path, was rotated between two looks. It is
 *   read from its beginning.
 *
 * Throws `source_unreadable` when the file at the path, or its folder, cannot be read.
 */
export async function lookForFiles(options: LookupOptions): Promise<Lookup> {
  for (let tries = 1; ; tries++) {
    const startedMs = options.clock.now();
    const folderMs = await folderTime(options.path);
    const lookup = await lookOnce(options);
    // What is renamed while the folder is listed may be missed: list it again until it was quiet.
    const quiet = folderMs < startedMs - FILE_TIME_SLACK_MS && (await folderTime(options.path)) === folderMs;
    if (quiet) return { ...lookup, folderMs };
    if (tries === TRIES_MAX) return { ...lookup, folderMs: Number.NaN };
    await Promise.allSettled([...lookup.files, ...lookup.recent].map((found) => found.file.handle.close()));
    await new Promise((resolve) => setTimeout(resolve, FILE_TIME_SLACK_MS));
  }
}

/** When something was last created, renamed or removed in the folder of a file, ms; 0: there is no such folder. */
export async function folderTime(path: string): Promise<number> {
  const folder = await stat(dirname(path)).catch(() => null);
  return folder === null ? 0 : folder.mtimeMs;
}

async function lookOnce(options: LookupOptions): Promise<Found> {
  const opened = new Set<LogFile>();
  const kept = new Set<LogFile>();
  try {
    const lookup = await look(options, opened);
    for (const found of [...lookup.files, ...lookup.recent]) kept.add(found.file);
    return lookup;
  } finally {
    await Promise.allSettled([...opened].filter((file) => !kept.has(file)).map((file) => file.handle.close()));
  }
}

type Found = Omit<Lookup, 'folderMs'>;

async function look(options: LookupOptions, opened: Set<LogFile>): Promise<Found> {
  const { path, registry, notBeforeMs, recentMs } = options;
  // The path first: what is rotated away after this is either in the folder listing or this very file.
  const atPath = await openAtPath(path, opened);
  const { registered, named } = await interesting(options, atPath);

  /** Registrations whose file is there; null: closed again, or not to be opened. */
  const present = new Map<string, LogFile | null>();
  for (const { file, key } of options.opened) if (key !== null) present.set(key, file);
  let pathFound: RegisteredFile | null = atPath === null ? null : await findRegistered(atPath, registry);
  if (pathFound !== null) present.set(pathFound.registration.key, pathFound.file);
  const unfinished: FoundFile[] = [];
  const recent: FoundFile[] = [];
  let newest: FoundFile | null = null;
  const unknown = [...named];
  for (const entry of registered.toSorted(oldestFirst)) {
    const candidate = await openEntry(entry, opened);
    const known = candidate === null ? null : await findRegistered(candidate, registry);
    if (known !== null) {
      present.set(known.registration.key, null);
      if (known.file.size > known.registration.position) unfinished.push(known);
      else {
        if (newest !== null && newest.file.mtimeMs < recentMs) await close(newest.file, opened);
        newest = known;
        if (known.file.mtimeMs >= recentMs) recent.push(known);
      }
    } else if (candidate !== null) {
      unknown.push(entry);
      await close(candidate.file, opened);
    } else {
      // It may be the registered file: until it can be read, its registration stays.
      for (const r of registry.all.values()) if (inodeOf(r) === inodeOf(entry)) present.set(r.key, null);
    }
  }

  const gone = new Map([...registry.all].filter(([key]) => !present.has(key)));
  if (atPath !== null && pathFound === null) {
    pathFound = await findCopied(atPath, gone.values(), registry);
    if (pathFound !== null && pathFound.replaces !== null) gone.delete(pathFound.replaces);
  }
  const rest: DirectoryFile[] = [];
  // Larger files first: of two copies of one file the longer holds more.
  for (const entry of unknown.toSorted((a, b) => b.size - a.size)) {
    const candidate = gone.size === 0 ? null : await openEntry(entry, opened);
    const copy = candidate === null ? null : await findCopied(candidate, gone.values(), registry);
    if (copy !== null) {
      gone.delete(copy.replaces);
      unfinished.push(copy);
      continue;
    }
    if (candidate !== null) await close(candidate.file, opened);
    if (entry.mtimeMs >= notBeforeMs) rest.push(entry);
  }
  for (const entry of rest.toSorted(oldestFirst)) {
    // One more than are kept says that there are more.
    if (unfinished.length > QUEUE_MAX_FILES) break;
    const candidate = await openEntry(entry, opened);
    if (candidate === null) continue;
    if (await isSpareCopy(candidate, registry, present, atPath)) await close(candidate.file, opened);
    else unfinished.push(unreadFile(candidate));
  }

  if (atPath === null && unfinished.length === 0 && options.opened.length === 0 && newest !== null) {
    // Renamed, and no new file yet: the writer may go on with the renamed one.
    return { files: [newest], recent: recent.filter((found) => found !== newest), gone: [...gone.values()] };
  }
  const files: FoundFile[] = unfinished.toSorted((a, b) => oldestFirst(a.file, b.file));
  if (atPath !== null) files.push(pathFound ?? unreadFile(atPath));
  const queue = files.length > QUEUE_MAX_FILES + 1 ? withSince(files).slice(0, QUEUE_MAX_FILES) : withSince(files);
  return { files: queue, recent: recent.slice(-QUEUE_MAX_FILES), gone: [...gone.values()] };
}

/**
 * Once a file is registered, unknown files that were last written before it count as older. A slow writer may have added
 * to it after the last line of a file that comes after it, so the earliest time of what comes after is what counts.
 */
function withSince(files: readonly FoundFile[]): FoundFile[] {
  let sinceMs = Number.POSITIVE_INFINITY;
  const dated = files.toReversed().map((found) => {
    sinceMs = Math.min(sinceMs, found.file.mtimeMs);
    return { ...found, sinceMs };
  });
  return dated.reverse();
}

/** The files of the folder that may matter: those whose inode is registered, and the others that rotation may have named. */
async function interesting(
  { path, registry, opened }: LookupOptions,
  atPath: Candidate | null,
): Promise<{ registered: DirectoryFile[]; named: DirectoryFile[] }> {
  const base = basename(path);
  const skip = new Set(opened.map((o) => inodeOf(o.file)));
  if (atPath !== null) skip.add(inodeOf(atPath.file));
  const inodes = new Set(Array.from(registry.all.values(), inodeOf));
  const registered: DirectoryFile[] = [];
  const named: DirectoryFile[] = [];
  for (const entry of await directoryFiles(dirname(path))) {
    const inode = inodeOf(entry);
    if (entry.size === 0 || skip.has(inode)) continue;
    if (inodes.has(inode)) registered.push(entry);
    else if (isRotationName(base, entry.name) && !isCompressedName(entry.name)) named.push(entry);
    else continue;
    // A file may have several names.
    skip.add(inode);
  }
  return { registered, named };
}

async function openAtPath(path: string, opened: Set<LogFile>): Promise<Candidate | null> {
  const file = await openLogFile(path, true);
  if (file === null) return null;
  opened.add(file);
  const head = await readHead(file.handle);
  if (head.gzip) {
    throw unreadable(
      path,
      'it is compressed with gzip, and only plain files are followed: read it with `gatewatch replay`',
    );
  }
  return toCandidate(file, head);
}

/** A file of the folder, opened; null when it cannot be read, is compressed or empty, or is another file by now. */
async function openEntry(entry: DirectoryFile, opened: Set<LogFile>): Promise<Candidate | null> {
  const file = await openLogFile(entry.path, false).catch((error: unknown) => {
    // Passing over a file for want of descriptors would lose it for good.
    if (error instanceof GatewatchError && error.transient) throw error;
    return null;
  });
  if (file === null) return null;
  opened.add(file);
  const head = await readHead(file.handle).catch(() => null);
  if (head !== null && !head.gzip && head.bytes.length > 0 && inodeOf(file) === inodeOf(entry)) {
    return toCandidate(file, head);
  }
  await close(file, opened);
  return null;
}

async function close(file: LogFile, opened: Set<LogFile>): Promise<void> {
  opened.delete(file);
  await file.handle.close();
}

function oldestFirst(a: { readonly mtimeMs: number }, b: { readonly mtimeMs: number }): number {
  return a.mtimeMs - b.mtimeMs;
}

function inodeOf(file: { readonly device: string; readonly inode: string }): string {
  return `${file.device}:${file.inode}`;
}
