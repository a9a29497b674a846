import { CHANNELS, FAMILIES, OBJECT_SLOTS, TICKS } from '../schemas/decision.ts';

/**
 * Where everything stands in a row: 216 words of 32 bits, read as Uint32Array or Float32Array. One file owns the layout.
 * f32 in rows, f64 in arithmetic, one rounding at the store. Changing anything here raises ROW_LAYOUT_VERSION.
 */
export const ROW_LAYOUT_VERSION = 1;
export const ROW_WORDS = 216;
export const ROW_BYTES = ROW_WORDS * 4;

/** Header. */
export const ID = 0; // 4 words: the pseudonym's 128 bits
export const KIND = 4; // number of the identity kind
export const LEVEL = 5; // number of the action last decided + 1; 0 = none
export const NEWEST = 6; // f64: completion time of the newest event, ms
export const FIRST = 8; // f64: completion time of the first event, ms
export const ACTIVE_DAYS = 10; // closed and open day ticks so far
export const ACTIVE_TICKS = 11; // closed hour ticks so far
export const TOUCHED = 12; // partition's event counter at the last event, for eviction
export const TENANT = 13; // number of the tenant in the partition's list

/** One block a tick length. */
const TICK_BASE = 16;
const TICK_WORDS = 28;
export const tickBase = (tick: number): number => TICK_BASE + tick * TICK_WORDS;
export const TICK_INDEX = 0; // index of the open tick + 1; 0 = none yet
export const REQUESTS = 1;
export const OBJECT_BITS = 2;
export const AUTH_FAILURES = 3;
export const REQUESTS_LOOK = 4; // count at which requests are scored next
export const OBJECTS_LOOK = 5;
export const AUTH_LOOKS = 6; // looks at the failure ratio so far
export const LN_P = 8; // 8 channels: smallest calibrated ln p in the open tick; 1 = not scored
export const LN_E = 16; // tempered evidence of the open tick
export const LN_E_FAMILY = 17; // 5 families
export const BASE = 22; // accumulated evidence before the open tick, decayed to it
export const BASE_FAMILY = 23; // 5 families

/** Baselines. */
export const COUNT_STATE_WORDS = 4; // a, b, num, den
export const countState = (channel: 'requests' | 'objects', tick: number): number =>
  100 + (channel === 'requests' ? 0 : 12) + tick * COUNT_STATE_WORDS;
export const ratioState = (tick: number): number => 124 + tick * 2; // alpha, beta

/**
 * What a baseline keeps at the close of an active tick: half-lives of 138 active minutes, 46 active hours and 13 active
 * days, so that each length follows a change within a few of its own periods.
 */
export const KEEP = [0.995, 0.985, 0.95] as const;

/** Novelty of context: n, K, o, eX, then 6 slots of (hash24, count8). */
export const CONTEXT_AXES = ['network', 'country', 'ua_family', 'ja4'] as const;
export const SLOTS = 6;
const AXIS_WORDS = 4 + SLOTS;
export const axisState = (axis: number): number => 130 + axis * AXIS_WORDS;
export const SLOTS_AT = 4;
export const SEEN_IN_HOUR = 170; // one byte an axis: which slots were drawn in the open hour

/** Novelty of routes: n, K, o, eX, a Bloom filter of all routes, one of the open hour, draws in the open hour. */
export const ROUTE_STATE = 171;
export const ROUTE_BLOOM = 175;
export const ROUTE_BLOOM_BITS = 256;
export const ROUTE_HOUR_BLOOM = 183;
export const ROUTE_HOUR_BLOOM_BITS = 128;
export const ROUTE_DRAWS = 187;

/** Linear counters of the open ticks. */
export const OBJECT_COUNTER_BITS = TICKS.map((tick) => OBJECT_SLOTS[tick]);
export const objectCounter = (tick: number): number => (tick === 0 ? 188 : tick === 1 ? 192 : 200);

if (
  CHANNELS.length !== LN_E - LN_P ||
  FAMILIES.length !== BASE - LN_E_FAMILY ||
  TICKS.length !== OBJECT_COUNTER_BITS.length
) {
  throw new Error('row layout does not fit the lists of channels, families and ticks');
}
