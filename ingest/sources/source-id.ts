import { randomBytes } from 'node:crypto';

/** A new source id: 64 random bits as decimal text. Never 0, which stands for "no source" in stored rows. */
export function newSourceId(): string {
  for (;;) {
    const id = randomBytes(8).readBigUInt64BE();
    if (id !== 0n) return id.toString();
  }
}
