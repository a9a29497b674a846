import { IDENTITY_KINDS } from '../schemas/identity.ts';

/**
 * What the detector reads of an event line, straight from the block's bytes: numbers and hashes, no strings. One object
 * is reused for every line. Byte ranges let a reason decode its value in the rare case that one is given.
 */
export interface Observation {
  position: number;
  /** Number in IDENTITY_KINDS; -1 when the line has no owner. */
  kind: number;
  id0: number;
  id1: number;
  id2: number;
  id3: number;
  /** Completion: the logged time plus the latency where the time is the start. */
  timeMs: number;
  status: number;
  flags: number;
  /** Hash of method and route template. */
  route: number;
  object: number;
  /** Hashes of network, country, user-agent family, JA4; 0 = absent. */
  readonly context: Uint32Array;
  /** Byte ranges: tenant, identity, route (from method on), then the four context values. */
  readonly from: Uint32Array;
  readonly to: Uint32Array;
}

export const RANGE = { tenant: 0, identity: 1, method: 2, route: 3, context: 4 } as const;

export function createObservation(): Observation {
  return {
    position: 0,
    kind: -1,
    id0: 0,
    id1: 0,
    id2: 0,
    id3: 0,
    timeMs: 0,
    status: 0,
    flags: 0,
    route: 0,
    object: 0,
    context: new Uint32Array(4),
    from: new Uint32Array(8),
    to: new Uint32Array(8),
  };
}

const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;
const LETTER_S = 115;

/** FNV-1a offset basis and prime, 32 bits. */
const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** base64url digit of a byte; 0 for anything else (ingest writes nothing else). */
const BASE64URL = new Uint8Array(256);
for (let i = 0; i < 64; i++) {
  BASE64URL['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.charCodeAt(i)] = i;
}

/** Kind number by the length and third letter of its name, which tell all kinds apart. */
const KIND_BY_SHAPE = new Int8Array(16 * 32).fill(-1);
IDENTITY_KINDS.forEach((kind, number) => {
  const shape = kind.length * 32 + ((kind.length > 2 ? kind.charCodeAt(2) : 0) & 31);
  if (KIND_BY_SHAPE[shape] !== -1) throw new Error(`identity kinds ${kind} and another look alike`);
  KIND_BY_SHAPE[shape] = number;
});

// The scanner's place and last hash: module-level numbers cost less than returned pairs, and nothing here re-enters.
let at = 0;
let hash = 0;

/** Reads past a JSON string that begins at `at`, hashing its bytes as they stand. Leaves `at` behind the comma. */
function string(bytes: Buffer, seed: number, o: Observation, range: number): void {
  let i = at + 1;
  let h = seed;
  o.from[range] = i;
  for (let c = bytes[i] as number; c !== QUOTE; c = bytes[++i] as number) {
    if (c === BACKSLASH) {
      h = Math.imul(h ^ c, FNV_PRIME);
      c = bytes[++i] as number;
    }
    h = Math.imul(h ^ c, FNV_PRIME);
  }
  o.to[range] = i;
  hash = h;
  at = i + 2;
}

/** Reads an unsigned integer that begins at `at`. Leaves `at` behind the comma. */
function integer(bytes: Buffer): number {
  let i = at;
  let value = 0;
  for (let c = bytes[i] as number; c !== COMMA; c = bytes[++i] as number) value = value * 10 + (c - 48);
  at = i + 1;
  return value;
}

/** Spreads the bits of a hash (finaliser of MurmurHash3); never 0, which means absent. */
function spread(h: number): number {
  let x = h ^ (h >>> 16);
  x = Math.imul(x, 0x85ebca6b);
  x ^= x >>> 13;
  x = Math.imul(x, 0xc2b2ae35);
  x ^= x >>> 16;
  return x === 0 ? 1 : x >>> 0;
}

function identity(bytes: Buffer, o: Observation): void {
  const i = at + 1;
  o.from[RANGE.identity] = i;
  if (bytes[i] === QUOTE) {
    o.to[RANGE.identity] = i;
    at = i + 2;
    return;
  }
  const d = (n: number) => BASE64URL[bytes[i + n] as number] as number;
  o.id0 = ((d(0) << 26) | (d(1) << 20) | (d(2) << 14) | (d(3) << 8) | (d(4) << 2) | (d(5) >> 4)) >>> 0;
  o.id1 = ((d(5) << 28) | (d(6) << 22) | (d(7) << 16) | (d(8) << 10) | (d(9) << 4) | (d(10) >> 2)) >>> 0;
  o.id2 = ((d(10) << 30) | (d(11) << 24) | (d(12) << 18) | (d(13) << 12) | (d(14) << 6) | d(15)) >>> 0;
  o.id3 = ((d(16) << 26) | (d(17) << 20) | (d(18) << 14) | (d(19) << 8) | (d(20) << 2) | (d(21) >> 4)) >>> 0;
  o.to[RANGE.identity] = i + 22;
  at = i + 24;
}

/**
 * Reads the line that begins at `offset` into `o`. The line is one that `ingest` encoded (schemas/columns.ts): its shape
 * is trusted. Reads the columns up to `ja4` and no further.
 */
export function readObservation(bytes: Buffer, offset: number, o: Observation): void {
  at = offset + 1;
  o.position = integer(bytes);
  string(bytes, FNV_BASIS, o, RANGE.tenant);
  const length = bytes.indexOf(QUOTE, at + 1) - at - 1;
  o.kind =
    length === 0 ? -1 : (KIND_BY_SHAPE[length * 32 + (length > 2 ? (bytes[at + 3] as number) & 31 : 0)] as number);
  at += length + 3;
  identity(bytes, o);
  let time = integer(bytes);
  const basisIsStart = bytes[at + 1] === LETTER_S;
  at = bytes.indexOf(COMMA, at) + 1;
  if (bytes[at] === 110) {
    at += 5; // null,
  } else {
    const latencyUs = integer(bytes);
    if (basisIsStart) time += Math.floor(latencyUs / 1000);
  }
  o.timeMs = time;
  o.status = integer(bytes);
  o.flags = integer(bytes);
  string(bytes, FNV_BASIS, o, RANGE.method);
  string(bytes, Math.imul(hash ^ 32, FNV_PRIME), o, RANGE.route);
  o.route = o.to[RANGE.route] === o.from[RANGE.route] ? 0 : spread(hash);
  o.object = integer(bytes);
  for (let axis = 0; axis < 4; axis++) {
    const range = RANGE.context + axis;
    string(bytes, FNV_BASIS, o, range);
    o.context[axis] = o.to[range] === o.from[range] ? 0 : spread(hash);
  }
}

/** The text of a range of the line last read: JSON escapes undone. */
export function textOf(bytes: Buffer, o: Observation, range: number): string {
  return JSON.parse(`"${bytes.toString('utf8', o.from[range], o.to[range])}"`) as string;
}
