import { createHash } from 'node:crypto';

/** 64-bit source id of a name, as decimal text: the first 8 bytes of its SHA-256. The same name, the same id. */
export function sourceIdOf(name: string): string {
  return createHash('sha256').update(name).digest().readBigUInt64BE(0).toString();
}
