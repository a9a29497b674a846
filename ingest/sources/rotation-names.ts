/** What log rotation puts into a name: a number, a date or time, or `old`. */
const STAMP = /^[._-](\d[\dTZ:._-]*|old)$/;
/** Endings of compressed files. */
const COMPRESSED = /\.(gz|bz2|xz|zst|lz4|lzma|Z|zip)$/;

/**
 * Whether log rotation may have given a file that was called `base` the name `name`: `access.log` becomes
 * `access.log.1`, `access.log-20241125`, `access.log.old`, `access-2024-11-25.log` or `access.1.log` (logrotate's
 * numbers, `dateext` and `extension`; the daily names of other programs). Compressed files are none.
 *
 * Misses: other naming schemes, and files that are moved to another folder. Files that were read before do not need
 * their name to be known again.
 */
export function isRotationName(base: string, name: string): boolean {
  if (name === base) return false;
  if (name.startsWith(base) && STAMP.test(name.slice(base.length))) return true;
  const dot = base.lastIndexOf('.');
  if (dot <= 0) return false;
  const stem = base.slice(0, dot);
  const extension = base.slice(dot);
  if (!name.startsWith(stem) || !name.endsWith(extension) || name.length <= base.length) return false;
  return STAMP.test(name.slice(stem.length, name.length - extension.length));
}

export function isCompressedName(name: string): boolean {
  return COMPRESSED.test(name);
}
