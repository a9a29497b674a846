import { clampLnP } from './log-space.ts';

/**
 * The truncated Cauchy combination of p-values with equal weights: sum the terms, then turn the sum into one ln p.
 *
 *   let sum = 0;
 *   for (...) sum += cauchyTerm(lnP);
 *   const combined = cauchyLnP(sum, count);
 *
 * Its far tail stays valid under dependence between the inputs, where Fisher's and Stouffer's sums are off by orders of
 * magnitude. It asks whether any input is small: evidence on which several agree counts hardly more than the best one.
 * A plain sum is safe: since ln p >= LN_P_MIN a term is at most 1.3e299, so 1e9 of them do not overflow. Do not take terms
 * out of a sum by subtraction: the largest term swallows the digits of the others.
 *
 * Sources: Liu and Xie, "Cauchy combination test", JASA 115 (2020); validity in the far tail under dependence:
 * Gui, Jiang and Wang, "Aggregating dependent signals with heavy-tailed combination tests", arXiv:2310.20460.
 */

/** Larger p are read as this one: near 1 a term would fall to -infinity and one dull input would drown all others. */
const P_MAX = 0.99;

/** Below this cot(pi p) is 1/(pi p) to within 3e-16. */
const LN_P_SMALL = -18.420680743952367;

/** From here down the cotangent is the reciprocal of the tangent; above, tan of the difference keeps the zero at 1/2 exact. */
const P_RECIPROCAL = 0.25;

/** The term of one p-value: tan((1/2 - p) pi), the standard Cauchy quantile. Falls with p. Takes ln p. */
export function cauchyTerm(lnP: number): number {
  const clamped = clampLnP(lnP);
  if (clamped < LN_P_SMALL) return Math.exp(-clamped) / Math.PI;
  const p = Math.min(Math.exp(clamped), P_MAX);
  return p < P_RECIPROCAL ? 1 / Math.tan(Math.PI * p) : Math.tan((0.5 - p) * Math.PI);
}

/**
 * ln p of the combination, given the sum of `count` terms: ln[1/2 - atan(sum/count)/pi], clamped to [LN_P_MIN, 0].
 * Without inputs (count 0) it is 0.
 */
export function cauchyLnP(sumOfTerms: number, count: number): number {
  if (!(count > 0)) return 0;
  const mean = sumOfTerms / count;
  // For a positive mean 1/2 - atan(T)/pi = atan(1/T)/pi, which does not cancel.
  const p = mean > 0 ? Math.atan(1 / mean) / Math.PI : 0.5 - Math.atan(mean) / Math.PI;
  return clampLnP(Math.log(p));
}
