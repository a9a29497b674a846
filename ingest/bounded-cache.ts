/**
 * A string-keyed cache of bounded size: first in, first out. One look-up answers, a hit writes nothing, and evicting takes
 * the next key of an iterator that stays open. Moving keys on a hit would cost writes on reads and help nothing when
 * identities come by in turn. The price: an entry in constant use is computed anew once in a full turn.
 */
export interface BoundedCache<V> {
  get(key: string): V | undefined;
  /** Keeps a value under a key that `get` did not find. A value that is a substring of the input: see ownCopy. */
  set(key: string, value: V): void;
  /** Entries held, at most `entries`. */
  readonly size: number;
}

/** Longest key kept unless the caller says otherwise, in UTF-16 code units. */
const MAX_KEY_LENGTH = 512;

/**
 * The characters of all keys stay within `entries` times this, so that long keys cannot make the cache many times larger
 * than planned. Names, UUIDs and addresses have 36 characters or fewer.
 */
const MEAN_KEY_LENGTH = 64;

/**
 * Creates an empty cache: the last `entries` keys set are always held, unless their characters reach the other bound. Keys
 * longer than `maxKeyLength` UTF-16 code units are not kept. Throws RangeError when a bound is not a positive integer.
 */
export function createBoundedCache<V>(entries: number, maxKeyLength = MAX_KEY_LENGTH): BoundedCache<V> {
  if (!Number.isSafeInteger(entries) || entries < 1) throw new RangeError('entries must be a positive integer');
  if (!Number.isSafeInteger(maxKeyLength) || maxKeyLength < 1) {
    throw new RangeError('maxKeyLength must be a positive integer');
  }
  const maxCharacters = Math.max(entries * MEAN_KEY_LENGTH, maxKeyLength);
  const held = new Map<string, V>();
  let oldest = held.keys();
  let characters = 0;

  function evict(): void {
    let next = oldest.next();
    if (next.done === true) {
      oldest = held.keys();
      next = oldest.next();
    }
    const key = next.value as string;
    held.delete(key);
    characters -= key.length;
  }

  return {
    get: (key) => held.get(key),
    set(key, value) {
      const length = key.length;
      if (length > maxKeyLength) return;
      while (held.size >= entries || characters + length > maxCharacters) evict();
      held.set(ownCopy(key), value);
      characters += length;
    },
    get size() {
      return held.size;
    },
  };
}

/**
 * The same text in memory of its own. A substring refers to the text that it was cut from: kept in a cache, twelve
 * characters of a log line would hold the whole chunk of the log that the line came in.
 */
export function ownCopy(text: string): string {
  if (scratch.length < text.length * 3) scratch = Buffer.allocUnsafe(text.length * 3);
  const written = scratch.write(text, 0, 'utf8');
  if (written === text.length) return scratch.toString('latin1', 0, written);
  return scratch.toString('utf16le', 0, scratch.write(text, 0, 'utf16le'));
}

/** Room for the longest key in UTF-8. */
let scratch = Buffer.allocUnsafe(MAX_KEY_LENGTH * 3);
