import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system of its own with little room. `directory` is null where mounting one is not allowed. */
export interface SmallDisk {
  readonly directory: string | null;
  remove(): void;
}

/** Mounts a tmpfs of so many bytes; needs Linux and the right to mount. */
export function mountSmallDisk(bytes: number): SmallDisk {
  const directory = mkdtempSync(join(tmpdir(), 'gatewatch-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', directory], { stdio: 'ignore' });
  } catch {
    rmSync(directory, { recursive: true });
    return { directory: null, remove: () => undefined };
  }
  return {
    directory,
    remove() {
      execFileSync('umount', ['--lazy', directory], { stdio: 'ignore' });
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
