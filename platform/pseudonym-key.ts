import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { GatewatchError } from '../schemas/errors.ts';

/** Bytes of the key: as long as the output of SHA-256, beyond which HMAC gains nothing (RFC 2104, section 3). */
export const PSEUDONYM_KEY_BYTES = 32;
const FILE = 'pseudonym.key';

/**
 * The pseudonym key of a data directory: read, or made and written once (mode 0600). Losing it makes every stored
 * pseudonym unreadable against new ones, so it belongs in the backup.
 */
export function loadOrCreatePseudonymKey(directory: string): Buffer {
  const path = join(directory, FILE);
  try {
    return decode(path, readFileSync(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const key = randomBytes(PSEUDONYM_KEY_BYTES);
  // Whole under another name first: a process killed in between must not leave half a key.
  const file = openSync(`${path}.new`, 'w', 0o600);
  writeSync(file, `${key.toString('base64')}\n`);
  fsyncSync(file);
  closeSync(file);
  renameSync(`${path}.new`, path);
  return key;
}

function decode(path: string, text: string): Buffer {
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== PSEUDONYM_KEY_BYTES) {
    throw new GatewatchError(
      'config_invalid',
      `${path} does not hold ${PSEUDONYM_KEY_BYTES} bytes of base64: restore it from the backup`,
    );
  }
  return key;
}
