import type { RatioPrior } from '../../schemas/priors.ts';
import { lnUpperTail, upperPoint } from './beta-binomial.ts';
import { clamp } from './clamp.ts';
import { learningWeight } from './learning-weight.ts';

/**
 * The baseline of one ratio channel (share of 404 answers, of new objects, ...): a Beta law of the identity's own share,
 * so that k of n in a tick is Beta-Binomial. State: RATIO_STATE_FLOATS 32-bit floats at `offset`, alpha and beta; the share
 * is alpha/(alpha + beta), its firmness alpha + beta. Arithmetic is in doubles and rounded once, at the store.
 *
 * The share of one tick varies about the identity's share more than n coin tosses explain, because requests come in
 * bursts. `tickStrength` T says by how much, and enters twice, as the dispersion does for counts: the predictive law is
 * widened, and a tick of n requests teaches only as much as n (T + 1)/(T + n) independent ones. T = Infinity gives the
 * plain Beta-Binomial, which takes a busy identity's every passing mood for an attack.
 *
 * Only high shares are of interest: score when k/n is above the mean. Not seen by it: which requests failed, and in what
 * order. Sources: Beta-Binomial learning with a discount, West and Harrison, "Bayesian Forecasting and Dynamic Models",
 * 2nd ed.; effective sample size under intra-class correlation 1/(T + 1), Kish, "Survey Sampling".
 */
export const RATIO_STATE_FLOATS = 2;

/** The predictive law of a tick, in the terms of the Beta-Binomial functions. Reused by the caller. */
export interface RatioPredictive {
  alpha: number;
  beta: number;
}

/** What is kept at the close of an active hour: half-life 46 of them. Other tick lengths pass their own. */
export const RATIO_KEEP = 0.985;

/** The prior's strength is used up to 50 requests, so that an identity's own record soon prevails. */
const STRENGTH_MAX = 50;
/** Keeps a law proper. */
const STRENGTH_MIN = 0.1;
/** Keeps alpha and beta positive when a group never, or always, saw the event. */
const MEAN_MIN = 1e-6;
const TRIALS_MAX = 1e12;
/** A tick teaches at most its predictive 99.9 % point: ln 0.001. */
const LN_CAP_TAIL = -6.907755278982137;

/** Writes the state of an identity of which nothing is known yet. */
export function initRatio(state: Float32Array, offset: number, prior: RatioPrior): void {
  const mean = clamp(prior.mean, MEAN_MIN, 1 - MEAN_MIN);
  const strength = clamp(prior.strength, STRENGTH_MIN, STRENGTH_MAX);
  state[offset] = mean * strength;
  state[offset + 1] = (1 - mean) * strength;
}

/**
 * Writes the predictive law of a tick to `out`: the mean of the state, and the strength A/(1 + (A + 1)/T), A = alpha + beta,
 * at which a Beta law has the variance of a tick's share (law of total variance, exact).
 */
export function predictRatio(state: Float32Array, offset: number, prior: RatioPrior, out: RatioPredictive): void {
  const alpha = state[offset] as number;
  const beta = state[offset + 1] as number;
  const narrowing = narrowingOf(alpha + beta, prior);
  out.alpha = alpha * narrowing;
  out.beta = beta * narrowing;
}

/**
 * Learns from a closed tick with `k` events among `n` requests; `risk` is the accumulated evidence against the identity in
 * nats, `keep` what is kept of the state. k is cut to the predictive 99.9 % point and the tick weighted by
 * learningWeight(risk). n < 1 or NaN teaches nothing; k is read within [0, n]. The state stays positive and finite.
 */
export function closeRatio(
  state: Float32Array,
  offset: number,
  prior: RatioPrior,
  k: number,
  n: number,
  risk: number,
  keep: number,
): void {
  if (!(n >= 1)) return;
  const trials = Math.floor(Math.min(n, TRIALS_MAX));
  const alpha = state[offset] as number;
  const beta = state[offset + 1] as number;
  const narrowing = narrowingOf(alpha + beta, prior);
  const successes = capped(Math.floor(clamp(k, 0, trials)), trials, alpha * narrowing, beta * narrowing);

  const worth = learningWeight(risk) / (1 + (trials - 1) / (tickStrengthOf(prior) + 1));
  const mean = clamp(prior.mean, MEAN_MIN, 1 - MEAN_MIN);
  const pull = (1 - keep) * clamp(prior.strength, STRENGTH_MIN, STRENGTH_MAX);
  state[offset] = keep * alpha + pull * mean + worth * successes;
  state[offset + 1] = keep * beta + pull * (1 - mean) + worth * (trials - successes);
}

function capped(k: number, n: number, alpha: number, beta: number): number {
  if (k * (alpha + beta) <= n * alpha) return k;
  if (lnUpperTail(k, n, alpha, beta) > LN_CAP_TAIL) return k;
  return Math.min(k, upperPoint(n, alpha, beta, LN_CAP_TAIL));
}

function narrowingOf(strength: number, prior: RatioPrior): number {
  return 1 / (1 + (strength + 1) / tickStrengthOf(prior));
}

function tickStrengthOf(prior: RatioPrior): number {
  return clamp(prior.tickStrength, STRENGTH_MIN, Number.POSITIVE_INFINITY);
}
