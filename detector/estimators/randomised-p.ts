import { clampLnP } from './log-space.ts';

/**
 * ln p of a discrete statistic, spread evenly over its jump: ln[SF(x + 1) + u (SF(x) - SF(x + 1))] with SF(x) = P(X >= x),
 * given `lnTail` = ln SF(x), `lnTailNext` = ln SF(x + 1) <= lnTail and u in [0, 1). If the law of X is right and u uniform,
 * p is exactly uniform, which a calibration map needs; SF(x) alone is too large on average. Never used for decisions: those
 * take SF(x), which errs on the side of the accused. u must come from a hash, so that a replay gives the same value.
 *
 * Source: the randomised probability integral transform, Czado, Gneiting and Held, Biometrics 65 (2009).
 */
export function randomisedLnP(lnTail: number, lnTailNext: number, u: number): number {
  return clampLnP(lnTail + Math.log(u + (1 - u) * Math.exp(lnTailNext - lnTail)));
}
