import type { FileFollower, FollowedFile } from './file-follower.ts';
import type { LogFile } from './log-file.ts';

/** Rotated files that are watched at a time. */
const LINGERING_MAX = 16;
/** Batches that one look takes from a file, so that one busy file does not hold up the others. */
const BATCHES_A_LOOK = 8;

/** Files that were rotated away and read to their end, watched a while longer for lines of slow writers. */
export interface LingeringFiles {
  add(followed: FollowedFile): void;
  all(): readonly FollowedFile[];
  /** Removes and returns the given file, when it is among them. */
  takeBack(file: LogFile): FollowedFile | null;
  /** Reads what was added. Files that were quiet for long enough are finished and closed. False: there was nothing new. */
  tend(): Promise<boolean>;
  closeAll(): Promise<void>;
}

export function createLingeringFiles(options: {
  follower: FileFollower;
  lingerMs: number;
  stopping(): boolean;
}): LingeringFiles {
  const { follower, lingerMs, stopping } = options;
  let files: FollowedFile[] = [];

  async function drop(followed: FollowedFile): Promise<void> {
    files = files.filter((f) => f !== followed);
    await followed.reader.close();
  }

  return {
    add: (followed) => files.push(followed),
    all: () => files,
    takeBack(file) {
      const back = files.find(({ reader }) => reader.file.device === file.device && reader.file.inode === file.inode);
      files = files.filter((f) => f !== back);
      return back ?? null;
    },
    async tend() {
      let grown = false;
      for (const followed of [...files]) {
        let advance = await follower.advance(followed);
        for (let i = 1; i < BATCHES_A_LOOK && advance === 'more'; i++) advance = await follower.advance(followed);
        if (stopping()) return grown;
        if (advance === 'more' || advance === 'lines') grown = true;
        else if (advance === 'truncated') await drop(followed);
        else if (performance.now() - followed.quietSinceMs >= lingerMs || files.length > LINGERING_MAX) {
          if (await follower.finish(followed)) grown = true;
          await drop(followed);
        }
      }
      return grown;
    },
    async closeAll() {
      const open = files;
      files = [];
      await Promise.allSettled(open.map((followed) => followed.reader.close()));
    },
  };
}
