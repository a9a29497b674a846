import { GatewatchError } from '../../schemas/errors.ts';

/** What to change, by the operating system's error code. */
const HELP: Readonly<Record<string, string>> = {
  EACCES: 'permission denied: give the user that runs gatewatch the right to read it (and to enter its folders)',
  EPERM: 'permission denied: give the user that runs gatewatch the right to read it (and to enter its folders)',
  ENOENT: 'there is no such file: correct the path',
  ENOTDIR: 'a part of its path is not a folder: correct the path',
  EISDIR: 'it is a folder: name a file in it',
  ELOOP: 'its symbolic links form a circle: correct the path',
  EMFILE: 'too many open files: raise the limit (ulimit -n)',
  ENFILE: 'too many open files on this machine: raise the limit (fs.file-max)',
  EIO: 'the disk reports a read error: check the disk',
  ESTALE: 'the network file system no longer knows it: mount it again',
};

/** Causes that can pass by themselves. */
const TRANSIENT = new Set(['EMFILE', 'ENFILE', 'EIO', 'ESTALE']);

/** The error for an input that cannot be read: names the input and says what to change. */
export function unreadable(path: string, why: string, cause?: unknown): GatewatchError {
  const transient = TRANSIENT.has(systemCode(cause) ?? '');
  return new GatewatchError('source_unreadable', `cannot read ${path}: ${why}`, { cause, transient });
}

/** The same for an error of the file system. Errors of another kind come back as they are. */
export function fromSystemError(path: string, error: unknown): unknown {
  const code = systemCode(error);
  if (code === null) return error;
  return unreadable(path, HELP[code] ?? `the system answers ${code}`, error);
}

/** `ENOENT` and the like; null when the error does not come from the operating system. */
export function systemCode(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || !('errno' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}
