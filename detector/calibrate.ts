import { TAIL_BIN_WIDTH, TAIL_BINS, type TailHistogram } from '../schemas/priors.ts';

/** Calibrated ln p at the left edge of each bin of -log10 p. */
export type TailMap = Float64Array;

const LN_10 = Math.LN10;
/** The empirical distribution is used up to this upper share; beyond it a generalised Pareto tail. */
const TAIL_SHARE = 1e-3;
/** Shape of the tail: never lighter than exponential, never so heavy that its mean is unstable. */
const SHAPE_MAX = 0.5;
/** A p-value below 1 / (FLOOR_FACTOR (n + 1)) is beyond what n samples can vouch for. */
const FLOOR_FACTOR = 10;

/**
 * Builds the map from a raw -log10 p to a calibrated ln p: the share of benign ticks at least as extreme, by ranks
 * (1 + #{>= v})/(n + 1) up to the 99.9 % point, then a generalised Pareto tail fitted by moments to the exceedances,
 * floored at 1/(10 (n + 1)). Conformal p-values are valid in finite samples under exchangeability (Bates et al. 2021,
 * arXiv 2104.08279); the Pareto part is an extrapolation and is what the floor bounds.
 *
 * What it misses: drift of the benign distribution after the samples were taken.
 */
export function buildTailMap(histogram: TailHistogram): TailMap {
  const counts = new Float64Array(TAIL_BINS);
  for (let i = 0; i < histogram.counts.length; i += 2) {
    counts[histogram.counts[i] as number] = histogram.counts[i + 1] as number;
  }
  const { n } = histogram;
  const floor = -Math.log(FLOOR_FACTOR * (n + 1));
  const map = new Float64Array(TAIL_BINS);
  let atLeast = n;
  let from = TAIL_BINS;
  for (let bin = 0; bin < TAIL_BINS; bin++) {
    if (atLeast <= TAIL_SHARE * n && from === TAIL_BINS) from = bin;
    map[bin] = Math.max(floor, Math.log((1 + atLeast) / (n + 1)));
    atLeast -= counts[bin] as number;
  }
  if (from === TAIL_BINS) return map;
  let exceedances = 0;
  let sum = 0;
  let squares = 0;
  for (let bin = from; bin < TAIL_BINS; bin++) {
    const excess = (bin - from + 0.5) * TAIL_BIN_WIDTH;
    const count = counts[bin] as number;
    exceedances += count;
    sum += count * excess;
    squares += count * excess * excess;
  }
  if (exceedances < 2) return map;
  const mean = sum / exceedances;
  const variance = Math.max(squares / exceedances - mean * mean, 1e-12);
  const shape = Math.min(SHAPE_MAX, Math.max(0, 0.5 * (1 - (mean * mean) / variance)));
  const scale = mean * (1 - shape);
  const lnShare = map[from] as number;
  for (let bin = from; bin < TAIL_BINS; bin++) {
    const excess = (bin - from) * TAIL_BIN_WIDTH;
    const lnSurvival = shape < 1e-9 ? -excess / scale : -Math.log1p((shape * excess) / scale) / shape;
    map[bin] = Math.max(floor, lnShare + lnSurvival);
  }
  return map;
}

/** The bin of a raw ln p. */
export function tailBin(lnP: number): number {
  const bin = Math.floor(-lnP / (LN_10 * TAIL_BIN_WIDTH));
  return bin < 0 ? 0 : bin >= TAIL_BINS ? TAIL_BINS - 1 : bin;
}

/** Calibrated ln p of a raw ln p: the map between its bin edges, linear in ln p. */
export function calibrate(map: TailMap, lnP: number): number {
  const v = -lnP / (LN_10 * TAIL_BIN_WIDTH);
  if (v <= 0) return 0;
  const bin = Math.floor(v);
  if (bin >= TAIL_BINS - 1) return map[TAIL_BINS - 1] as number;
  const left = map[bin] as number;
  return left + (v - bin) * ((map[bin + 1] as number) - left);
}
