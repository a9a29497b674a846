import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = 'instance';

/** The name of this process among those of its installation: made once, kept in the data directory. */
export function instanceOf(directory: string): string {
  const path = join(directory, FILE);
  try {
    const known = readFileSync(path, 'utf8').trim();
    if (/^[0-9a-f]{16}$/.test(known)) return known;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const made = randomBytes(8).toString('hex');
  writeFileSync(path, `${made}\n`, { mode: 0o600 });
  return made;
}
