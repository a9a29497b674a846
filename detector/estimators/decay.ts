/**
 * What is left of a quantity after `elapsed` when it halves every `halfLife` (same units, halfLife > 0):
 * exp(-ln 2 * elapsed / halfLife). Time never runs backwards here: elapsed <= 0 gives 1. Through exp, because the bits of
 * powers differ between Node versions.
 */
export function decay(elapsed: number, halfLife: number): number {
  return elapsed > 0 ? Math.exp((-Math.LN2 * elapsed) / halfLife) : 1;
}
