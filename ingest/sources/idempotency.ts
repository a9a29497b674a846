import { createHash } from 'node:crypto';
import type { Bus, Clock, Mark } from '../../platform/ports.ts';
import type { BatchResult } from '../intake.ts';

/** How long a key is honoured. */
const KEEP_MS = 24 * 3_600_000;
/** Keys are spread over 16^3 groups by their hash; each request tidies the group of its own key, which bounds its work. */
const GROUP_CHARACTERS = 3;
/** Keys of one group: half a million in all, six requests a second for a day. Beyond that the oldest go early. */
const GROUP_MAX_KEYS = 128;
const KEY_MAX_CHARACTERS = 200;
const PRINTABLE = /^[ -~]+$/;

/** Keys under which clients may repeat a request without its lines being taken twice. */
export interface IdempotencyKeys {
  /** The name of a client's key in the bus; null when the key is not 1 to 200 printable ASCII characters. */
  name(key: string): string | null;
  /** The result that a request with this key had; null when it is unknown or more than a day old. */
  stored(name: string): BatchResult | null;
  /** The marks to append together with the lines: the key with its result, and the removal of keys that are too old. */
  marks(name: string, result: BatchResult): Mark[];
}

/** Keys are scoped to the source name, and stored as hashes: a client may have put anything into them. */
export function createIdempotencyKeys(options: {
  bus: Pick<Bus, 'getMark' | 'marks'>;
  clock: Clock;
  sourceName: string;
}): IdempotencyKeys {
  const { bus, clock, sourceName } = options;
  return {
    name(key) {
      if (key.length === 0 || key.length > KEY_MAX_CHARACTERS || !PRINTABLE.test(key)) return null;
      return `idem/${createHash('sha256').update(`${sourceName}\n${key}`).digest('hex')}`;
    },
    stored(name) {
      const text = bus.getMark(name);
      const entry = text === null ? null : decode(text);
      return entry === null || isOld(entry.at, clock.now()) ? null : entry.result;
    },
    marks(name, result) {
      const now = clock.now();
      const kept: { key: string; at: number }[] = [];
      const marks: Mark[] = [];
      for (const { key, value } of bus.marks(name.slice(0, 'idem/'.length + GROUP_CHARACTERS))) {
        const at = decode(value)?.at ?? 0;
        if (isOld(at, now)) marks.push({ key, value: null });
        else kept.push({ key, at });
      }
      kept.sort((a, b) => a.at - b.at);
      for (const { key } of kept.slice(0, Math.max(0, kept.length + 1 - GROUP_MAX_KEYS)))
        marks.push({ key, value: null });
      marks.push({ key: name, value: JSON.stringify({ at: now, result }) });
      return marks;
    },
  };
}

function isOld(at: number, now: number): boolean {
  return at <= now - KEEP_MS;
}

function decode(text: string): { at: number; result: BatchResult } | null {
  try {
    const { at, result } = JSON.parse(text) as { at?: unknown; result?: BatchResult };
    return typeof at === 'number' && typeof result === 'object' && result !== null ? { at, result } : null;
  } catch {
    return null;
  }
}
