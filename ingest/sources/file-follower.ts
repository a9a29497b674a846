import type { Clock } from '../../platform/ports.ts';
import { createFileReader, type FileReader, type ReadLines } from './file-reader.ts';
import type { FileRegistry, Registration } from './file-registry.ts';
import type { HandOver } from './hand-over.ts';
import { headHash, lastLineStart, readTail, tailHash } from './log-file.ts';
import type { FoundFile } from './registered-files.ts';
import type { Scratch } from './scratch.ts';
import { newSourceId } from './source-id.ts';

/** Batches are this small while the source keeps up, so that lines travel on at once ... */
const LIVE_BATCH_BYTES = 256 * 1024;
/** ... and grow up to this while it is behind: fewer, larger reads. */
const CATCH_UP_BATCH_BYTES = 4 * 1024 * 1024;

/** One file that is being read. */
export interface FollowedFile {
  readonly reader: FileReader;
  /** null until the first line is complete. */
  registration: Registration | null;
  /** Key of the registration that this one takes the place of. */
  replaces: string | null;
  /** As in the registration that it gets. */
  readonly sinceMs: number;
  /** The writer has gone on to another file. */
  rotated: boolean;
  /** When it last grew, on the monotonic clock, ms. */
  quietSinceMs: number;
  seenBytes: number;
  batchBytes: number;
}

/** `more`: read on at once. `lines`: lines were handed over, and the end is reached. `end`: nothing new. */
export type Advance = 'more' | 'lines' | 'end' | 'truncated';

/** Reads files onwards and hands their lines over together with how far each is read. */
export interface FileFollower {
  /** `fromEnd`: a file that was never read begins behind its last whole line. */
  open(found: FoundFile, fromEnd: boolean): Promise<FollowedFile>;
  advance(followed: FollowedFile): Promise<Advance>;
  /** Hands over the last line of a file that will not grow, though it has no line end; false: there is none. */
  finish(followed: FollowedFile): Promise<boolean>;
}

export function createFileFollower(options: {
  registry: FileRegistry;
  handOver: HandOver;
  scratch: Scratch;
  clock: Clock;
  /**
   * False when the folder changed since the files were found. A file that had no first line then may have got one, been
   * copied and cut, and begun anew since: nothing in the file itself would show that.
   */
  unchanged(): Promise<boolean>;
  stopping(): boolean;
}): FileFollower {
  const { registry, handOver, scratch, clock, unchanged, stopping } = options;

  /** A file's id is durable before its first line is handed over, so a crash cannot give the same lines a second id. */
  async function register(followed: FollowedFile): Promise<void> {
    const { reader, replaces } = followed;
    const { device, inode } = reader.file;
    const head = headHash(reader.head() ?? Buffer.alloc(0));
    const registration: Registration = {
      key: registry.key(device, inode, head),
      device,
      inode,
      head,
      source: followed.registration?.source ?? newSourceId(),
      position: reader.position(),
      tail: tailHash(reader.tail()),
      sinceMs: followed.sinceMs,
      atMs: clock.now(),
    };
    const marks = replaces === null ? [] : [registry.remove(replaces)];
    marks.push(registry.set(registration));
    followed.registration = registration;
    followed.replaces = null;
    handOver.marks(marks);
    await handOver.drained();
  }

  async function ensureRegistered(followed: FollowedFile, final: boolean): Promise<'yes' | 'no' | 'changed'> {
    if (followed.registration !== null && followed.replaces === null) return 'yes';
    const headIsNew = followed.reader.head() === null;
    if (!(await followed.reader.findHead(final))) return 'no';
    if (headIsNew && !followed.rotated && !(await unchanged())) return 'changed';
    await register(followed);
    return stopping() ? 'no' : 'yes';
  }

  function handOverLines(followed: FollowedFile, lines: ReadLines): void {
    const { registration, reader } = followed;
    if (registration === null) return;
    const moved = { ...registration, position: lines.next, tail: tailHash(reader.tail()), atMs: clock.now() };
    followed.registration = moved;
    handOver.lines(moved.source, lines.bytes, lines.position, registry.set(moved));
  }

  async function readOn(followed: FollowedFile): Promise<Advance> {
    const registered = await ensureRegistered(followed, false);
    if (registered !== 'yes') return registered === 'no' ? 'end' : 'truncated';
    await handOver.slot();
    if (stopping()) return 'end';
    const result = await followed.reader.read(followed.batchBytes);
    if (result.type === 'truncated') return 'truncated';
    if (result.type === 'end') return 'end';
    if (result.type === 'skipped') return 'more';
    handOverLines(followed, result);
    followed.batchBytes = result.more ? Math.min(followed.batchBytes * 2, CATCH_UP_BATCH_BYTES) : LIVE_BATCH_BYTES;
    return result.more ? 'more' : 'lines';
  }

  return {
    async open(found, fromEnd) {
      const { file, head, registration, replaces } = found;
      const skips = fromEnd && registration === null && head.complete;
      const position = skips ? await lastLineStart(file) : (registration?.position ?? 0);
      const tail = skips ? ((await readTail(file.handle, position)) ?? found.tail) : found.tail;
      const firstLine = head.complete || registration !== null ? head.bytes : null;
      const quietMs = Math.max(0, clock.now() - file.mtimeMs);
      return {
        reader: createFileReader({ file, scratch, head: firstLine, position, tail }),
        registration,
        replaces,
        sinceMs: found.sinceMs,
        rotated: false,
        quietSinceMs: performance.now() - quietMs,
        seenBytes: file.size,
        batchBytes: LIVE_BATCH_BYTES,
      };
    },
    async advance(followed) {
      const advance = await readOn(followed);
      const size = followed.reader.size();
      if (size > followed.seenBytes) {
        followed.seenBytes = size;
        followed.quietSinceMs = performance.now();
      }
      return advance;
    },
    async finish(followed) {
      if ((await ensureRegistered(followed, true)) !== 'yes') return false;
      await handOver.slot();
      if (stopping()) return false;
      const rest = await followed.reader.rest();
      if (rest !== null) handOverLines(followed, rest);
      return rest !== null;
    },
  };
}
