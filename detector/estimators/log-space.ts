/**
 * Smallest ln p that any tail function returns: e^-690 is about 1e-300, just above the smallest normal double, so that p
 * itself and 1/p can still be formed without overflow. Smaller tail probabilities are reported as this one.
 */
export const LN_P_MIN = -690;

/**
 * ln(1 - e^y) for y <= 0, to within 2 units in the last place on both sides: through expm1 where e^y is near 1, through
 * log1p where it is near 0. log1mexp(0) is -Infinity; y > 0 gives NaN.
 *
 * Source: M. Maechler, "Accurately computing log(1 - exp(-|a|))", 2012 (vignette of the R package Rmpfr).
 */
export function log1mexp(y: number): number {
  return y > -Math.LN2 ? Math.log(-Math.expm1(y)) : Math.log1p(-Math.exp(y));
}

/** Raises ln p to LN_P_MIN and lowers it to 0, so that rounding never yields p > 1. NaN becomes 0: no evidence. */
export function clampLnP(lnP: number): number {
  if (!(lnP < 0)) return 0;
  return Math.max(lnP, LN_P_MIN);
}
