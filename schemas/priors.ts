import type { Channel, Tick } from './decision.ts';
import type { IdentityKind } from './identity.ts';

/** Gamma prior of a rate per active tick (mean a/b) and the typical dispersion c = 1/size of its counts. */
export interface CountPrior {
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** Beta prior of a share: its mean, how many requests it weighs, and how firmly a single tick keeps to the share. */
export interface RatioPrior {
  readonly mean: number;
  readonly strength: number;
  readonly tickStrength: number;
}

/** Pitman-Yor concentration and discount: how readily something new turns up. */
export interface NoveltyPrior {
  readonly theta: number;
  readonly discount: number;
}

/** What is known of an identity before its first request, from its group. One a tick length: minute, hour, day. */
export interface GroupPriors {
  readonly requests: readonly [CountPrior, CountPrior, CountPrior];
  readonly objects: readonly [CountPrior, CountPrior, CountPrior];
  readonly authFailures: RatioPrior;
  /** network, country, ua_family, ja4. */
  readonly context: readonly [NoveltyPrior, NoveltyPrior, NoveltyPrior, NoveltyPrior];
  readonly route: NoveltyPrior;
  /** Mean active ticks a day, per tick length: puts the three accumulators on one scale. */
  readonly activeTicksPerDay: readonly [number, number, number];
  /** Tempering of evidence, per tick length: at most 1, smaller the more ticks depend on each other. */
  readonly eta: readonly [number, number, number];
}

export interface Priors {
  readonly version: number;
  readonly origin: string;
  readonly kinds: Readonly<Record<IdentityKind, GroupPriors>>;
}

/** Bins of a tail map: -log10 p in steps of 0.05 from 0 to 16; the last bin holds everything beyond. */
export const TAIL_BINS = 321;
export const TAIL_BIN_WIDTH = 0.05;

/** How often each raw p arises under benign behaviour: the histogram that a tail map is built from. */
export interface TailHistogram {
  readonly channel: Channel | 'total';
  readonly tick: Tick;
  /** The group: kinds that behave alike; null is the root, of all together. */
  readonly kinds: readonly IdentityKind[] | null;
  /** Ticks counted. */
  readonly n: number;
  /** Pairs bin, count; bins without a count are left out. */
  readonly counts: readonly number[];
}

/** Groups with fewer samples use the root's map. */
export const GROUP_SAMPLES_MIN = 20_000;

export interface Calibration {
  readonly version: number;
  readonly origin: string;
  readonly histograms: readonly TailHistogram[];
}
