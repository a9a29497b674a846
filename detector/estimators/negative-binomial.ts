import { lnBetaKernel } from './beta-kernel.ts';
import { lnIncompleteBeta } from './incomplete-beta.ts';
import { clampLnP, log1mexp } from './log-space.ts';

/**
 * The negative binomial law of a count with mean `mu` and size `r`: variance mu + mu^2/r, the larger r the nearer to
 * Poisson. All functions take mu > 0 and r > 0; with anything else they claim nothing (ln p = 0), because a broken baseline
 * must not accuse. Sources: DLMF 8.17.24 for the tail; Mullahy, J. Econometrics 33 (1986) for the hurdle.
 */

/**
 * ln P(X >= x), clamped to [LN_P_MIN, 0]. Falls with x; 0 for x <= 0. x need not be whole. Relative error under 1e-12 for
 * x and r up to 1e6 (see lnIncompleteBeta).
 */
export function lnUpperTail(x: number, mu: number, r: number): number {
  return clampLnP(lnTail(x, mu, r));
}

/**
 * ln P(X >= x | X >= 1), clamped to [LN_P_MIN, 0]: the tail for ticks that are scored only when active, where "active at
 * all" is no news. 0 for x <= 1.
 */
export function lnUpperTailActive(x: number, mu: number, r: number): number {
  if (x <= 1) return 0;
  return clampLnP(lnTail(x, mu, r) - lnActive(mu, r));
}

/** ln P(X = x) for whole x >= 0, not clamped; -Infinity for other x. */
export function lnPmf(x: number, mu: number, r: number): number {
  if (!(mu > 0 && r > 0)) return Number.NaN;
  if (x < 0 || x !== Math.floor(x)) return -Infinity;
  if (x === 0) return -r * Math.log1p(mu / r);
  return lnBetaKernel(mu / (mu + r), r / (mu + r), x, r) - Math.log(x);
}

/** ln P(X = x | X >= 1) for whole x >= 1, not clamped. */
export function lnPmfActive(x: number, mu: number, r: number): number {
  return x < 1 ? -Infinity : lnPmf(x, mu, r) - lnActive(mu, r);
}

/** ln P(X >= 1). P(0) = (r/(mu + r))^r, taken through log1p so that neither a small nor a large mu/r loses digits. */
function lnActive(mu: number, r: number): number {
  return log1mexp(-r * Math.log1p(mu / r));
}

function lnTail(x: number, mu: number, r: number): number {
  if (!(x > 0 && mu > 0 && r > 0)) return 0;
  const sum = mu + r;
  return lnIncompleteBeta(mu / sum, x, r, r / sum);
}
