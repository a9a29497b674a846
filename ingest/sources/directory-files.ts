import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { fromSystemError, systemCode } from './unreadable.ts';

/** A regular file of a folder. */
export interface DirectoryFile {
  readonly name: string;
  readonly path: string;
  readonly device: string;
  readonly inode: string;
  readonly size: number;
  readonly mtimeMs: number;
}

/** The regular files of a folder, symbolic links not followed; empty when there is no such folder. */
export async function directoryFiles(folder: string): Promise<DirectoryFile[]> {
  const files: DirectoryFile[] = [];
  try {
    for await (const { name } of await opendir(folder)) {
      const path = join(folder, name);
      const stat = await lstat(path, { bigint: true }).catch(() => null);
      if (stat === null || !stat.isFile()) continue;
      files.push({
        name,
        path,
        device: stat.dev.toString(),
        inode: stat.ino.toString(),
        size: Number(stat.size),
        mtimeMs: Number(stat.mtimeMs),
      });
    }
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw fromSystemError(folder, error);
  }
  return files;
}
