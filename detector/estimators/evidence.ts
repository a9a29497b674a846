/** From -ln p = 1 on the closed form is used, below it the series. */
const CLOSED_FROM = 1;

/** Terms of the series; at -ln p = 1 the first one left out is 1/20!, 4e-19. */
const SERIES_TERMS = 18;

/** ln(1/2): the evidence of p = 1. */
const LN_HALF = -Math.LN2;

/**
 * ln e of a p-value: the mixture of the calibrators kappa p^(kappa - 1) over kappa uniform in (0, 1),
 * e = (1 - p + p ln p)/(p (ln p)^2). Takes ln p and returns nats. Falls with p: ln(1/2) at p = 1, 0 near p = 0.17, 4.8 at
 * p = 1e-4, 8.6 at 1e-6. E[e] <= 1 when p is valid, so e may be multiplied over ticks.
 *
 * With L = -ln p it equals (e^L - 1 - L)/L^2, whose power series sum L^k/(k + 2)! serves near p = 1, where the closed form
 * would cancel. ln p > 0 and NaN count as p = 1.
 *
 * Source: Vovk and Wang, "E-values: calibration, combination and applications", Ann. Statist. 49 (2021).
 */
export function lnEvidence(lnP: number): number {
  if (!(lnP < 0)) return LN_HALF;
  const nats = -lnP;
  if (nats >= CLOSED_FROM) return nats - 2 * Math.log(nats) + Math.log1p(-(1 + nats) * Math.exp(lnP));
  let sum = 1;
  for (let k = SERIES_TERMS; k > 2; k--) sum = 1 + (sum * nats) / k;
  return LN_HALF + Math.log(sum);
}
