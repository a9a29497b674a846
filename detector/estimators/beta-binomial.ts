import { lnIncompleteBeta } from './incomplete-beta.ts';
import { lnBeta, lnGammaRatio } from './log-beta.ts';
import { clampLnP, log1mexp } from './log-space.ts';

/**
 * The Beta-Binomial law of k successes among n trials whose common success share is drawn from Beta(alpha, beta). Takes
 * whole 0 <= k <= n and alpha, beta > 0. With other parameters the tails claim nothing (ln p = 0).
 * Source: Johnson, Kemp and Kotz, "Univariate Discrete Distributions", 3rd ed., chapter 6.
 */

/** Terms summed one by one before the rest is taken from the Beta integral; up to twice as many when that reaches the end. */
const TERMS_MAX = 512;

/** A term this small beside the sum ends it: below half a unit in the last place. */
const TERM_TOLERANCE = 1e-17;

/** ln P(K = k), not clamped; -Infinity outside 0..n. */
export function lnPmf(k: number, n: number, alpha: number, beta: number): number {
  if (k < 0 || k > n) return -Infinity;
  return (
    lnGammaRatio(k + 1, alpha - 1) +
    lnGammaRatio(n - k + 1, beta - 1) -
    lnGammaRatio(n + 1, alpha + beta - 1) -
    lnBeta(alpha, beta)
  );
}

/**
 * ln P(K >= k), clamped to [LN_P_MIN, 0]. Falls with k; 0 for k <= 0.
 *
 * Exact to 1e-12 (relative, in ln p) while at most 1,024 terms lie between k and n or the terms die out within 512. Past
 * that the remaining terms are replaced by an integral, whose error in ln p is of order s^3/(24 m^2), s = max(alpha, beta)
 * and m = the least of successes and failures in the terms replaced, hence at least 512: under 1e-5 in the vectors with
 * alpha + beta <= 50 and n up to 1e6. For k up to the mean the shorter lower tail is summed instead.
 */
export function lnUpperTail(k: number, n: number, alpha: number, beta: number): number {
  if (!(k > 0 && alpha > 0 && beta > 0)) return 0;
  if (k > n) return clampLnP(-Infinity);
  const isAboveMean = k * (alpha + beta) > n * alpha;
  return clampLnP(isAboveMean ? lnSumFrom(k, n, alpha, beta) : log1mexp(lnSumFrom(n - k + 1, n, beta, alpha)));
}

/**
 * The predictive quantile: the smallest k with P(K > k) <= e^lnP, between 0 and n. By bisection over the exact tail, so
 * ln(n)/ln(2) tails: meant for counts that already lie beyond it, to be cut down to it.
 */
export function upperPoint(n: number, alpha: number, beta: number, lnP: number): number {
  let low = 0;
  let high = n;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    if (lnUpperTail(middle + 1, n, alpha, beta) <= lnP) high = middle;
    else low = middle + 1;
  }
  return low;
}

function lnSumFrom(k: number, n: number, alpha: number, beta: number): number {
  let term = 1;
  let sum = 1;
  const end = n - k <= 2 * TERMS_MAX ? n : k + TERMS_MAX;
  for (let i = k; i < end; i++) {
    term *= ((n - i) * (i + alpha)) / ((i + 1) * (n - i - 1 + beta));
    sum += term;
    if (term < sum * TERM_TOLERANCE) return lnPmf(k, n, alpha, beta) + Math.log(sum);
  }
  const lnSum = lnPmf(k, n, alpha, beta) + Math.log(sum);
  if (end === n) return lnSum;
  const lnRest = lnTailIntegral(end + 1, n, alpha, beta);
  return Math.max(lnSum, lnRest) + Math.log1p(Math.exp(-Math.abs(lnSum - lnRest)));
}

/**
 * ln P(K >= k) for large k and n - k. Gamma(z + s)/Gamma(z + 1) = (z + s/2)^(s - 1) up to a relative error of order s^3/z^2
 * (DLMF 5.11.14), which makes the mass function a Beta density at (k + alpha/2)/(n + (alpha + beta)/2); the
 * midpoint rule turns its sum into the integral from k - 1/2.
 */
function lnTailIntegral(k: number, n: number, alpha: number, beta: number): number {
  const failures = n - k + 0.5 + beta / 2;
  const successes = k - 0.5 + alpha / 2;
  const scale = n + (alpha + beta) / 2;
  return lnIncompleteBeta(failures / scale, beta, alpha, successes / scale);
}
