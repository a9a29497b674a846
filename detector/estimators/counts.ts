import type { CountPrior } from '../../schemas/priors.ts';
import { clamp } from './clamp.ts';
import { learningWeight } from './learning-weight.ts';

/**
 * The baseline of one count channel (requests, failures, distinct objects, ...): a Gamma-distributed rate times a known
 * seasonal factor, with a learned over-dispersion, so that a tick's count is negative binomial. State: COUNT_STATE_FLOATS
 * 32-bit floats at `offset`:
 *   a, b      shape and rate of the Gamma law of the rate: its mean is a/b per tick at season 1
 *   num, den  weighted sums of the dispersion estimates and of their weights
 * Arithmetic is in doubles and rounded once, at the store. The prior's a and b must be positive, its c may be 0.
 *
 * It learns from closed active ticks only. Because those have x >= 1 by selection, a/b overstates a rate well below 1 per
 * tick, and tail probabilities there come out too large: on the side of the accused. What it does not see: dependence
 * between successive ticks.
 *
 * Sources: Gamma-Poisson learning with a discount, West and Harrison, "Bayesian Forecasting and Dynamic Models", 2nd ed.;
 * moment estimate of the dispersion, Bliss and Fisher, Biometrics 9 (1953); the cap, Huber, "Robust Statistics".
 */
export const COUNT_STATE_FLOATS = 4;

/** The predictive law of the count of a tick, in the terms of the negative binomial functions. Reused by the caller. */
export interface CountPredictive {
  /** Mean. */
  mu: number;
  /** Size: the variance is mu + mu^2/r. */
  r: number;
}

/** What is kept at the close of an active hour: half-life 46 of them. Other tick lengths pass their own. */
export const COUNT_KEEP = 0.985;

/** Weight of the group's dispersion against the identity's own, in fully weighted ticks. */
const DISPERSION_PRIOR_WEIGHT = 20;
/** What is kept of the dispersion sums at a close: half-life 138 ticks, slower than the rate, as variances need more data. */
const DISPERSION_KEEP = 0.995;
/** Range of one tick's dispersion estimate ((x - mu)^2 - mu)/mu^2: -1 is its least for mu >= 1, 25 is (x - mu) = 5 mu. */
const DISPERSION_ESTIMATE_MIN = -1;
const DISPERSION_ESTIMATE_MAX = 25;
/** Ticks with a smaller mean count for proportionally less in the dispersion: they say little about it. */
const DISPERSION_FULL_MEAN = 5;
/** The sums may cancel at most this share of the prior, so that the dispersion stays positive. */
const DISPERSION_PRIOR_SHARE_MAX = 0.9;
/** A count teaches at most this many predictive standard deviations above the mean. */
const CAP_DEVIATIONS = 3;

/** Bounds against hostile or broken input, far outside what a gateway can count in a tick. */
const COUNT_MAX = 1e12;
const MEAN_MIN = 1e-9;
const SIZE_MIN = 1e-6;
/** The incomplete beta fraction is sure to end below this; at such sizes the law is Poisson for every purpose. */
const SIZE_MAX = 1e8;
/** A factor with mean 1 over the 168 hours of a week cannot pass 168; the floor keeps a quiet hour from dividing by 0. */
const SEASON_MIN = 0.01;
const SEASON_MAX = 168;

/** Writes the state of an identity of which nothing is known yet. */
export function initCounts(state: Float32Array, offset: number, prior: CountPrior): void {
  state[offset] = prior.a;
  state[offset + 1] = prior.b;
  state[offset + 2] = 0;
  state[offset + 3] = 0;
}

/**
 * Writes the predictive mean and size of a tick with seasonal factor `season` (mean 1) to `out`. The size folds in how
 * uncertain the rate still is: 1/r = c + 1/a + c/a, the squared coefficient of variation of a product of two Gammas.
 */
export function predictCounts(
  state: Float32Array,
  offset: number,
  prior: CountPrior,
  season: number,
  out: CountPredictive,
): void {
  const a = state[offset] as number;
  const b = state[offset + 1] as number;
  out.mu = meanOf(a, b, clamp(season, SEASON_MIN, SEASON_MAX));
  out.r = sizeOf(a, dispersion(state, offset, prior));
}

/**
 * Learns from a closed active tick: `x` its count, `season` its seasonal factor, `risk` the accumulated evidence against
 * the identity in nats, `keep` what is kept of a and b. x is cut to mu + 3 standard deviations, weighted by
 * learningWeight(risk) and by 1/(1 + c mu), because a tick of a bursty channel says less about the rate. The state stays
 * positive and finite for every x, season and risk; NaN counts as x = 0.
 */
export function closeCounts(
  state: Float32Array,
  offset: number,
  prior: CountPrior,
  season: number,
  x: number,
  risk: number,
  keep: number,
): void {
  const s = clamp(season, SEASON_MIN, SEASON_MAX);
  const a = state[offset] as number;
  const b = state[offset + 1] as number;
  const num = state[offset + 2] as number;
  const den = state[offset + 3] as number;
  const c = dispersion(state, offset, prior);
  const mu = meanOf(a, b, s);
  const r = sizeOf(a, c);

  const capped = Math.min(clamp(x, 0, COUNT_MAX), mu + CAP_DEVIATIONS * Math.sqrt(mu + (mu * mu) / r));
  const weight = learningWeight(risk);
  const k = weight / (1 + c * mu);
  state[offset] = keep * a + (1 - keep) * prior.a + k * capped;
  state[offset + 1] = keep * b + (1 - keep) * prior.b + k * s;

  const deviation = capped - mu;
  const estimate = clamp((deviation * deviation - mu) / (mu * mu), DISPERSION_ESTIMATE_MIN, DISPERSION_ESTIMATE_MAX);
  const tickWeight = weight * (Math.min(mu, DISPERSION_FULL_MEAN) / DISPERSION_FULL_MEAN);
  const floor = -DISPERSION_PRIOR_SHARE_MAX * DISPERSION_PRIOR_WEIGHT * prior.c;
  state[offset + 2] = Math.max(DISPERSION_KEEP * num + tickWeight * estimate, floor);
  state[offset + 3] = DISPERSION_KEEP * den + tickWeight;
}

function meanOf(a: number, b: number, season: number): number {
  return clamp((a / b) * season, MEAN_MIN, COUNT_MAX);
}

function sizeOf(a: number, c: number): number {
  return clamp(1 / (c + 1 / a + c / a), SIZE_MIN, SIZE_MAX);
}

/** Dispersion c = 1/size of the count given the rate. */
function dispersion(state: Float32Array, offset: number, prior: CountPrior): number {
  const num = state[offset + 2] as number;
  const den = state[offset + 3] as number;
  return Math.max((num + DISPERSION_PRIOR_WEIGHT * prior.c) / (den + DISPERSION_PRIOR_WEIGHT), 0);
}
