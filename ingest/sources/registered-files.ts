import type { FileRegistry, Registration } from './file-registry.ts';
import { type FileHead, headHash, type LogFile, readTail, tailHash } from './log-file.ts';

/** A file to read. */
export interface FoundFile {
  readonly file: LogFile;
  readonly head: FileHead;
  /** How far it is read; null: nothing of it was read yet. */
  readonly registration: Registration | null;
  /** Bytes in front of the registered position. */
  readonly tail: Buffer;
  /** Key of the registration that this file continues under another inode (a copy); else null. */
  readonly replaces: string | null;
  /** Whatever else was found and is read after this file was last written at this moment or later, ms. */
  readonly sinceMs: number;
}

export type RegisteredFile = FoundFile & { readonly registration: Registration };

/** An open file of which nothing more is known than what it begins with. */
export interface Candidate {
  readonly file: LogFile;
  readonly head: FileHead;
  readonly hash: string;
}

export function toCandidate(file: LogFile, head: FileHead): Candidate {
  return { file, head, hash: headHash(head.bytes) };
}

/** The candidate as a file of which nothing was read yet. */
export function unreadFile({ file, head }: Candidate): FoundFile {
  return { file, head, registration: null, tail: Buffer.alloc(0), replaces: null, sinceMs: file.mtimeMs };
}

/** The candidate with its registration: same device, inode and first line, and the bytes in front of the position. */
export async function findRegistered(candidate: Candidate, registry: FileRegistry): Promise<RegisteredFile | null> {
  const { file, head, hash } = candidate;
  const registration = registry.all.get(registry.key(file.device, file.inode, hash));
  if (registration === undefined) return null;
  const tail = await matchingTail(file, registration);
  return tail === null ? null : { file, head, registration, tail, replaces: null, sinceMs: file.mtimeMs };
}

/**
 * The candidate as the continuation of a registered file that is gone: same first line and the same bytes in front of
 * the position, so it is a copy. It keeps the source id and the position.
 */
export async function findCopied(
  { file, head, hash }: Candidate,
  gone: Iterable<Registration>,
  registry: FileRegistry,
): Promise<(RegisteredFile & { readonly replaces: string }) | null> {
  for (const original of gone) {
    if (original.head !== hash || original.position === 0) continue;
    const tail = await matchingTail(file, original);
    if (tail === null) continue;
    const { device, inode, mtimeMs } = file;
    const registration = { ...original, key: registry.key(device, inode, hash), device, inode };
    return { file, head, registration, tail, replaces: original.key, sinceMs: mtimeMs };
  }
  return null;
}

/**
 * Whether the candidate holds what another file holds: somebody made a copy, or is making one. `present`: the
 * registrations whose file is there, by key; null: it is not open. `atPath`: the file at the path, registered or not.
 */
export async function isSpareCopy(
  candidate: Candidate,
  registry: FileRegistry,
  present: ReadonlyMap<string, LogFile | null>,
  atPath: Candidate | null,
): Promise<boolean> {
  const { file, hash } = candidate;
  if (atPath !== null && atPath.hash === hash && (await sameAsFarAsBothGo(file, atPath.file))) return true;
  for (const [key, other] of present) {
    const registration = registry.all.get(key);
    if (registration === undefined || registration.head !== hash) continue;
    if (registration.position > 0 && (await matchingTail(file, registration)) !== null) return true;
    if (other !== null && (await sameAsFarAsBothGo(file, other))) return true;
  }
  return false;
}

/** Whether two files with the same first line also have the same bytes where the shorter one ends. */
async function sameAsFarAsBothGo(one: LogFile, other: LogFile): Promise<boolean> {
  const end = Math.min(one.size, other.size);
  const [a, b] = await Promise.all([readTail(one.handle, end), readTail(other.handle, end)]);
  return a !== null && b !== null && a.equals(b);
}

/** The bytes in front of the registered position, when the file still holds them. */
async function matchingTail(file: LogFile, registration: Registration): Promise<Buffer | null> {
  if (file.size < registration.position) return null;
  const tail = await readTail(file.handle, registration.position);
  return tail !== null && tailHash(tail) === registration.tail ? tail : null;
}
