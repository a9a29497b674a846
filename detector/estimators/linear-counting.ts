/**
 * Distinct values counted in a bitmap of m slots: a hash sets one bit per value, and from V set bits the number of distinct
 * values is estimated as -m ln(1 - V/m), rounded. Standard error about sqrt(m (e^t - t - 1))/n for n values and t = n/m:
 * 3.7 % at n = m = 512. A full bitmap says "at least": it is read as V = m - 1/2, and larger numbers cannot be told apart.
 * Slots are picked by the low bits of the hash, so the hash must mix well and differ between installations; otherwise a
 * caller may choose ids that share a slot, and is then counted too low.
 *
 * Source: Whang, Vander-Zanden and Taylor, "A linear-time probabilistic counting algorithm", ACM TODS 15 (1990).
 */
export const LINEAR_COUNTER_SIZES = [128, 256, 512] as const;
/** Slots of a bitmap. */
export type LinearCounterSize = (typeof LINEAR_COUNTER_SIZES)[number];

/** A full bitmap counts as this many slots short of full. */
const FULL_SHORTFALL = 0.5;

const TABLES: Readonly<Record<LinearCounterSize, Uint16Array>> = {
  128: table(128),
  256: table(256),
  512: table(512),
};

function table(size: number): Uint16Array {
  const estimates = new Uint16Array(size + 1);
  for (let set = 0; set <= size; set++) {
    estimates[set] = Math.round(-size * Math.log(1 - Math.min(set, size - FULL_SHORTFALL) / size));
  }
  return estimates;
}

/** Estimated number of distinct values behind `setBits` set bits, a whole number; setBits is clamped to [0, size]. */
export function estimate(setBits: number, size: LinearCounterSize): number {
  const estimates = TABLES[size];
  return estimates[Math.min(Math.max(setBits | 0, 0), size)] ?? 0;
}

/**
 * Sets the bit of `hash` (an unsigned 32-bit integer) in the bitmap of `bits` bits, a power of two of at least 32, that
 * starts at word `offset`. True if it was not set before: the caller then raises its count of set bits.
 */
export function addBit(words: Uint32Array, offset: number, bits: number, hash: number): boolean {
  const slot = hash & (bits - 1);
  const at = offset + (slot >>> 5);
  const mask = 1 << (slot & 31);
  const word = words[at] ?? 0;
  if ((word & mask) !== 0) return false;
  words[at] = word | mask;
  return true;
}

/**
 * ClickHouse aggregate expression that gives the same estimate from stored rows: the detector's set bits are the distinct
 * slots. `hash` is an expression over trusted column names of type UInt32; rows where it is NULL are not counted, so
 * `nullIf(object, 0)` leaves out requests without an object. Equal to `estimate` for every number of set bits: no value
 * before rounding lies near enough to a half for the two logarithms to round apart.
 */
export function linearCountingSql(hash: string, size: LinearCounterSize): string {
  const slots = `toFloat64(uniqExact(bitAnd(${hash}, ${size - 1})))`;
  return `toUInt32(round(-${size} * log(1 - least(${slots}, ${size - FULL_SHORTFALL}) / ${size})))`;
}
