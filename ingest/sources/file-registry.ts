import type { Bus, Mark } from '../../platform/ports.ts';
import { GatewatchError } from '../../schemas/errors.ts';

/** What is known for good about one file: its identity, its source id, and how far it is read. */
export interface Registration {
  /** Key of the mark. */
  readonly key: string;
  readonly device: string;
  readonly inode: string;
  /** Hash of the first line. */
  readonly head: string;
  /** 64-bit source id as decimal text. */
  readonly source: string;
  /** Byte offset up to which the lines were handed over. */
  readonly position: number;
  /** Hash of the bytes in front of `position`. */
  readonly tail: string;
  /** Rotated files that are not registered and were last written before this moment, ms, are older than this file. */
  readonly sinceMs: number;
  /** When lines of it were last handed over, ms. */
  readonly atMs: number;
}

/**
 * Registrations of one file source, as they will be durable once the intake has appended all that it was given. `set`
 * and `remove` change them at once and return the mark that has to travel with the lines.
 */
export interface FileRegistry {
  readonly all: ReadonlyMap<string, Registration>;
  key(device: string, inode: string, head: string): string;
  set(registration: Registration): Mark;
  remove(key: string): Mark;
}

const KEY = /^(\d{1,20}):(\d{1,20}):([0-9a-f]{1,64})$/;

/** Reads the registrations from the bus. Throws `state_foreign` when a mark is not one of ours. */
export function createFileRegistry(bus: Pick<Bus, 'marks'>, name: string): FileRegistry {
  // A '/' in a name would make it the prefix of another's keys.
  const prefix = `file/${encodeURIComponent(name)}/`;
  const all = new Map<string, Registration>();
  for (const mark of bus.marks(prefix)) all.set(mark.key, decode(mark.key, prefix.length, mark.value));
  return {
    all,
    key: (device, inode, head) => `${prefix}${device}:${inode}:${head}`,
    set(registration) {
      all.set(registration.key, registration);
      const { source, position, tail, sinceMs, atMs } = registration;
      return { key: registration.key, value: JSON.stringify({ source, position, tail, sinceMs, atMs }) };
    },
    remove(key) {
      all.delete(key);
      return { key, value: null };
    },
  };
}

function decode(key: string, prefixLength: number, text: string): Registration {
  const parts = KEY.exec(key.slice(prefixLength));
  try {
    const value = JSON.parse(text) as Partial<Registration>;
    const { source, position, tail, sinceMs, atMs } = value;
    if (
      parts !== null &&
      typeof source === 'string' &&
      Number.isSafeInteger(position) &&
      typeof tail === 'string' &&
      typeof sinceMs === 'number' &&
      typeof atMs === 'number'
    ) {
      const [, device, inode, head] = parts as unknown as [string, string, string, string];
      return { key, device, inode, head, source, position: position as number, tail, sinceMs, atMs };
    }
  } catch {
    // Falls through to the same refusal.
  }
  throw new GatewatchError(
    'state_foreign',
    `the read position ${key} in the data directory is not one of this program's: use another data directory`,
  );
}
