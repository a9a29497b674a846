import { HALF_LN_TWO_PI, stirlingError } from './stirling-error.ts';

/** Terms of the deviance series: its ratio is under 0.01, so 12 terms pass 1e-24; the rest is a bound for NaN. */
const DEVIANCE_TERMS = 12;

/** |x - m| below this share of x + m is left to the series, as the plain form would cancel. */
const DEVIANCE_NEAR = 0.1;

/**
 * x ln(x/m) + m - x, never negative, for x > 0 and m > 0: the saddle-point deviance "bd0".
 *
 * Source: C. Loader, "Fast and accurate computation of binomial probabilities", 2000, as used by R's dbinom and dbeta.
 */
function deviance(x: number, m: number): number {
  const difference = x - m;
  if (Math.abs(difference) >= DEVIANCE_NEAR * (x + m)) return x * Math.log(x / m) - difference;
  const v = difference / (x + m);
  const square = v * v;
  let sum = difference * v;
  let power = 2 * x * v;
  for (let j = 1; j <= DEVIANCE_TERMS; j++) {
    power *= square;
    const next = sum + power / (2 * j + 1);
    if (next === sum) break;
    sum = next;
  }
  return sum;
}

/**
 * ln[x^a y^b / B(a, b)] with y = 1 - x, for a, b > 0 and 0 < x < 1: the factor in front of the incomplete beta fraction and,
 * divided by a, the negative binomial mass.
 *
 * Both x and y are arguments because neither can be had from the other without loss near 0 and 1. The saddle-point form
 * keeps the absolute error near 1e-15 around the mode even at a = b = 1e6, where a ln x alone is off by 1e-10; an error in
 * x or y counts only in proportion to the distance from the mode.
 */
export function lnBetaKernel(x: number, y: number, a: number, b: number): number {
  const sum = a + b;
  return (
    0.5 * (Math.log(Math.min(a, b)) - Math.log1p(a < b ? a / b : b / a)) -
    HALF_LN_TWO_PI +
    (stirlingError(sum) - stirlingError(a) - stirlingError(b)) -
    deviance(a, sum * x) -
    deviance(b, sum * y)
  );
}
