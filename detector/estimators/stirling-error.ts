import gammaln from '@stdlib/math-base-special-gammaln';

/** ln(2 pi) / 2. */
export const HALF_LN_TWO_PI = 0.9189385332046727;

/** From here on the series below, cut after the term in 1/z^17, is exact to 2e-16 (its next term: 1.4/z^19). */
const SERIES_FROM = 7;

/**
 * The error of Stirling's formula: ln Gamma(z) - [(z - 1/2) ln z - z + ln(2 pi)/2], for z > 0.
 *
 * It is small and smooth (about 1/(12 z)), so expressions built on it avoid the differences of huge ln Gamma values that
 * cost digits when z is large. Below 7 it is formed from ln Gamma itself, where no digits are at stake.
 *
 * Source: C. Loader, "Fast and accurate computation of binomial probabilities", 2000; series DLMF 5.11.1.
 */
export function stirlingError(z: number): number {
  if (z < SERIES_FROM) return gammaln(z) - (z - 0.5) * Math.log(z) + z - HALF_LN_TWO_PI;
  const v = 1 / (z * z);
  // B(2k) / (2k (2k - 1)) for k = 1..9, B(2k) being the Bernoulli numbers.
  let series = 43867 / 244188;
  series = 3617 / 122400 - v * series;
  series = 1 / 156 - v * series;
  series = 691 / 360360 - v * series;
  series = 1 / 1188 - v * series;
  series = 1 / 1680 - v * series;
  series = 1 / 1260 - v * series;
  series = 1 / 360 - v * series;
  return (1 / 12 - v * series) / z;
}
