import type { RowImage } from '../schemas/row-image.ts';
import { BASE, ID, LEVEL, ROW_BYTES, ROW_WORDS, TOUCHED, tickBase } from './layout.ts';

/** Rows in a chunk: 13.5 MiB each, so that growth never copies and untouched memory is never resident. */
const CHUNK_ROWS = 16_384;
const CHUNK_BITS = 14;
/** The index doubles when it is this full: open addressing stays under two probes on average. */
const INDEX_LOAD_MAX = 0.6;
const INDEX_SLOTS_MIN = 1_024;
/** Rows looked at to find one to evict. The least recently touched clean one of these goes. */
const EVICTION_SAMPLE = 64;
/** Evidence below this (nats, any tick length) leaves a row clean: the ladder's first rung is far above. */
const CLEAN_NATS = 1;

/** Rows of one partition: slab, index and eviction. */
export interface Rows {
  /** Row number of an identity, or -1. */
  find(id0: number, id1: number, id2: number, id3: number): number;
  /** True when the row last added had been somebody else's. */
  recycled(): boolean;
  /** A zeroed row for an identity that has none; evicts a clean one at the bound. -1 when every sampled row holds evidence. */
  add(id0: number, id1: number, id2: number, id3: number): number;
  /** The chunk that holds a row, as words, floats and doubles; the row begins at word `offsetOf(row)`. */
  words(row: number): Uint32Array;
  floats(row: number): Float32Array;
  doubles(row: number): Float64Array;
  offsetOf(row: number): number;
  touch(row: number, counter: number): void;
  count(): number;
  evicted(): number;
  /** Where eviction looks next; part of the state, since it decides who goes. */
  hand(): number;
  setHand(row: number): void;
  takeDirty(): Iterable<RowImage>;
  restore(image: RowImage): void;
}

/**
 * Creates the rows of a partition. `rowsMax` bounds memory: 864 bytes a row and 13 to 27 of index.
 *
 * The index holds (32 bits of the pseudonym, row + 1) in open addressing; a pseudonym is the output of an HMAC, so its
 * first bits are uniform and nobody without the key can aim at a chain. The whole 128 bits are compared in the row.
 */
export function createRows(rowsMax: number): Rows {
  const wordChunks: Uint32Array[] = [];
  const floatChunks: Float32Array[] = [];
  const doubleChunks: Float64Array[] = [];
  let index = new Uint32Array(INDEX_SLOTS_MIN * 2);
  let mask = INDEX_SLOTS_MIN - 1;
  let used = 0;
  let evicted = 0;
  let recycled = false;
  let hand = 0;
  let dirtyBits = new Uint32Array(CHUNK_ROWS / 32);
  let dirty: number[] = [];

  const wordsOf = (row: number) => wordChunks[row >>> CHUNK_BITS] as Uint32Array;
  const offsetOf = (row: number) => (row & (CHUNK_ROWS - 1)) * ROW_WORDS;

  function find(id0: number, id1: number, id2: number, id3: number): number {
    let slot = id0 & mask;
    for (;;) {
      const entry = index[slot * 2 + 1] as number;
      if (entry === 0) return -1;
      if (index[slot * 2] === id0) {
        const row = entry - 1;
        const words = wordsOf(row);
        const at = offsetOf(row) + ID;
        if (words[at + 1] === id1 && words[at + 2] === id2 && words[at + 3] === id3) return row;
      }
      slot = (slot + 1) & mask;
    }
  }

  function insert(id0: number, row: number): void {
    let slot = id0 & mask;
    while (index[slot * 2 + 1] !== 0) slot = (slot + 1) & mask;
    index[slot * 2] = id0;
    index[slot * 2 + 1] = row + 1;
  }

  function growIndex(): void {
    const old = index;
    index = new Uint32Array(old.length * 2);
    mask = index.length / 2 - 1;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] !== 0) insert(old[i] as number, (old[i + 1] as number) - 1);
    }
  }

  /** Removes by shifting later entries of the chain back, so that no tombstones pile up. */
  function removeFromIndex(row: number): void {
    const id0 = wordsOf(row)[offsetOf(row) + ID] as number;
    let hole = id0 & mask;
    while (index[hole * 2 + 1] !== row + 1) hole = (hole + 1) & mask;
    for (let slot = (hole + 1) & mask; index[slot * 2 + 1] !== 0; slot = (slot + 1) & mask) {
      const home = (index[slot * 2] as number) & mask;
      if (((slot - home) & mask) >= ((slot - hole) & mask)) {
        index[hole * 2] = index[slot * 2] as number;
        index[hole * 2 + 1] = index[slot * 2 + 1] as number;
        hole = slot;
      }
    }
    index[hole * 2] = 0;
    index[hole * 2 + 1] = 0;
  }

  function isClean(row: number): boolean {
    const words = wordsOf(row);
    const at = offsetOf(row);
    if (words[at + LEVEL] !== 0) return false;
    const floats = floatChunks[row >>> CHUNK_BITS] as Float32Array;
    for (let tick = 0; tick < 3; tick++) {
      if ((floats[at + tickBase(tick) + BASE] as number) > CLEAN_NATS) return false;
    }
    return true;
  }

  function evictOne(): number {
    let victim = -1;
    let oldest = 0;
    for (let i = 0; i < EVICTION_SAMPLE; i++) {
      const row = hand;
      hand = hand + 1 === used ? 0 : hand + 1;
      const touched = wordsOf(row)[offsetOf(row) + TOUCHED] as number;
      if ((victim < 0 || touched < oldest) && isClean(row)) {
        victim = row;
        oldest = touched;
      }
    }
    if (victim < 0) return -1;
    removeFromIndex(victim);
    evicted += 1;
    return victim;
  }

  function addChunk(): void {
    const buffer = new ArrayBuffer(CHUNK_ROWS * ROW_BYTES);
    wordChunks.push(new Uint32Array(buffer));
    floatChunks.push(new Float32Array(buffer));
    doubleChunks.push(new Float64Array(buffer));
    if (dirtyBits.length * 32 < wordChunks.length * CHUNK_ROWS) {
      const wider = new Uint32Array((wordChunks.length * CHUNK_ROWS) / 32);
      wider.set(dirtyBits);
      dirtyBits = wider;
    }
  }

  function add(id0: number, id1: number, id2: number, id3: number): number {
    let row: number;
    recycled = used >= rowsMax;
    if (!recycled) {
      row = used++;
      if (row >>> CHUNK_BITS === wordChunks.length) addChunk();
      if (used > (mask + 1) * INDEX_LOAD_MAX) growIndex();
    } else {
      row = evictOne();
      if (row < 0) return -1;
    }
    const words = wordsOf(row);
    const at = offsetOf(row);
    words.fill(0, at, at + ROW_WORDS);
    words[at + ID] = id0;
    words[at + ID + 1] = id1;
    words[at + ID + 2] = id2;
    words[at + ID + 3] = id3;
    insert(id0, row);
    return row;
  }

  return {
    find,
    add,
    recycled: () => recycled,
    words: wordsOf,
    floats: (row) => floatChunks[row >>> CHUNK_BITS] as Float32Array,
    doubles: (row) => doubleChunks[row >>> CHUNK_BITS] as Float64Array,
    offsetOf,
    touch(row, counter) {
      wordsOf(row)[offsetOf(row) + TOUCHED] = counter;
      const bit = 1 << (row & 31);
      const word = row >>> 5;
      if (((dirtyBits[word] as number) & bit) === 0) {
        dirtyBits[word] = (dirtyBits[word] as number) | bit;
        dirty.push(row);
      }
    },
    count: () => used,
    evicted: () => evicted,
    hand: () => hand,
    setHand(row) {
      hand = row;
    },
    *takeDirty() {
      const rows = dirty;
      dirty = [];
      dirtyBits.fill(0);
      for (const row of rows) {
        const words = wordsOf(row);
        yield { index: row, bytes: new Uint8Array(words.buffer, offsetOf(row) * 4, ROW_BYTES) };
      }
    },
    restore(image) {
      while (image.index >>> CHUNK_BITS >= wordChunks.length) addChunk();
      used = Math.max(used, image.index + 1);
      if (used > (mask + 1) * INDEX_LOAD_MAX) growIndex();
      const words = wordsOf(image.index);
      const at = offsetOf(image.index);
      new Uint8Array(words.buffer, at * 4, ROW_BYTES).set(image.bytes);
      insert(words[at + ID] as number, image.index);
    },
  };
}
