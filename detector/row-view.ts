import type { GroupPriors } from '../schemas/priors.ts';
import type { TailMap } from './calibrate.ts';

/**
 * The row in hand, in reused fields: its chunk seen as words and as floats, where it begins, and what applies to it.
 * Set once per event, read by every detector.
 */
export interface RowView {
  words: Uint32Array;
  floats: Float32Array;
  /** Word at which the row begins. */
  at: number;
  priors: GroupPriors;
  /** What each tick length pays on the common scale of evidence, nats. */
  offsets: Float64Array;
}

/** Tail maps of one calibration: one a channel and tick length, and one a tick length for the families together. */
export interface TailMaps {
  readonly version: number;
  /** [channel][tick] */
  readonly channels: readonly (readonly TailMap[])[];
  /** [tick] */
  readonly total: readonly TailMap[];
}

/**
 * Gets the p of every closed tick, for building tail maps. `channel` is the number in CHANNELS, or -1 for the families
 * together. `lnP` is raw: before calibration, randomised for counts. `weight` says how little is held against the identity
 * from before the tick (1: nothing); maps made from real logs leave out what weighs less than one half. It must not depend
 * on the tick itself, or the map would lose its tail.
 */
export type TailSink = (kind: number, channel: number, tick: number, lnP: number, weight: number) => void;

/** A value in LN_P that says: this channel was not scored in the open tick. */
export const NOT_SCORED = 1;
