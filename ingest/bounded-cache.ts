/**
 * A string-keyed cache of bounded size in two generations. New entries go into the young one; when it is full the old
 * one is forgotten as a whole and the young one takes its place. Eviction therefore costs nothing per entry.
 *
 * A hit in the old generation does not move the entry. Moving would halve what the cache holds when identities come
 * by in turn (with 100,000 of them and 65,536 entries a generation, most would be forgotten before they come again),
 * store entries twice, and write on reads. The price: an entry in constant use is computed anew once in two generations.
 */
export interface BoundedCache<V> {
  get(key: string): V | undefined;
  /** Keeps a value under a key that `get` did not find. A value that is a substring of the input: see ownCopy. */
  set(key: string, value: V): void;
  /** Entries held, at most twice `entries`. */
  readonly size: number;
}

/** Longest key kept unless the caller says otherwise, in UTF-16 code units. */
const MAX_KEY_LENGTH = 512;

/**
 * The characters of all keys of a generation stay within `entries` times this, so that long keys cannot make the cache
 * many times larger than planned. Names, UUIDs and addresses have 36 characters or fewer.
 */
const MEAN_KEY_LENGTH = 64;

/**
 * Creates an empty cache of `entries` entries a generation: the last `entries` keys set are always held, unless their
 * characters reach the other bound. Keys longer than `maxKeyLength` UTF-16 code units are not kept.
 * Throws RangeError when a bound is not a positive integer.
 */
export function createBoundedCache<V>(entries: number, maxKeyLength = MAX_KEY_LENGTH): BoundedCache<V> {
  if (!Number.isSafeInteger(entries) || entries < 1) throw new RangeError('entries must be a positive integer');
  if (!Number.isSafeInteger(maxKeyLength) || maxKeyLength < 1) {
    throw new RangeError('maxKeyLength must be a positive integer');
  }
  const maxCharacters = Math.max(entries * MEAN_KEY_LENGTH, maxKeyLength);
  let young = new Map<string, V>();
  let old = new Map<string, V>();
  let characters = 0;

  return {
    get(key) {
      const value = young.get(key);
      return value === undefined ? old.get(key) : value;
    },
    set(key, value) {
      const length = key.length;
      if (length > maxKeyLength) return;
      if (young.size >= entries || characters + length > maxCharacters) {
        old = young;
        young = new Map();
        characters = 0;
      }
      young.set(ownCopy(key), value);
      characters += length;
    },
    get size() {
      return young.size + old.size;
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
