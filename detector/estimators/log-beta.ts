import gammaln from '@stdlib/math-base-special-gammaln';
import { HALF_LN_TWO_PI, stirlingError } from './stirling-error.ts';

/** Below this both ln Gamma are small and their plain difference loses nothing. */
const STIRLING_FROM = 10;

/**
 * ln Gamma(z + w) - ln Gamma(z), for z > 0 and z + w > 0.
 *
 * For large z the two are huge and nearly equal (at z = 1e6 their plain difference is off by 1e-9); here the difference is
 * taken inside Stirling's formula, so that the error stays near 1e-15 times the result. Takes the increment w, not the
 * sum, because z + w has lost the low digits of w already.
 */
export function lnGammaRatio(z: number, w: number): number {
  const sum = z + w;
  if (z < STIRLING_FROM || sum < STIRLING_FROM) return gammaln(sum) - gammaln(z);
  return (z - 0.5) * Math.log1p(w / z) + w * (Math.log(sum) - 1) + stirlingError(sum) - stirlingError(z);
}

/**
 * ln B(a, b), the logarithm of the beta function, for a, b > 0. Symmetric. Absolute error near 1e-15 times the largest of
 * 1, |result| and |a ln a/b|; where the result passes through 0 the relative error is unbounded.
 *
 * Source: Stirling's formula with its error term kept exact (see stirlingError); DLMF 5.12.1.
 */
export function lnBeta(a: number, b: number): number {
  const small = Math.min(a, b);
  const large = Math.max(a, b);
  const share = Math.log1p(small / large);
  const sum = small + large;
  return (
    stirlingError(small) +
    stirlingError(large) -
    stirlingError(sum) +
    HALF_LN_TWO_PI -
    0.5 * Math.log(small) +
    0.5 * share +
    small * Math.log(small / sum) -
    large * share
  );
}

/** ln of the binomial coefficient "n choose k", 0 <= k <= n; -Infinity outside. Real n and k are allowed. */
export function lchoose(n: number, k: number): number {
  if (k < 0 || k > n) return -Infinity;
  if (k === 0 || k === n) return 0;
  return -Math.log(n + 1) - lnBeta(k + 1, n - k + 1);
}
