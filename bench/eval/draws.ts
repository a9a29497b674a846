import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Seeded random draws for simulated traffic. Same seed, same draws, on every machine. */
export interface Draws {
  /** Uniform in (0, 1). */
  uniform(): number;
  below(n: number): number;
  normal(): number;
  /** Gamma with the shape given and mean 1 (Marsaglia and Tsang 2000; boosted below shape 1). */
  gamma(shape: number): number;
  poisson(mean: number): number;
  /** Pareto from 1 up. */
  pareto(shape: number): number;
}

export function createDraws(seed: number): Draws {
  const generator = xoroshiro128plus(seed);
  const uniform = () => ((generator.next() >>> 0) + 0.5) / 4_294_967_296;

  function normal(): number {
    return Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  }

  function gammaOf(shape: number): number {
    if (shape < 1) return gammaOf(shape + 1) * Math.exp(Math.log(uniform()) / shape);
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = normal();
      const base = 1 + c * x;
      if (base <= 0) continue;
      const v = base * base * base;
      if (Math.log(uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
    }
  }

  function poisson(mean: number): number {
    // Knuth's product for small means; for large ones a rounded normal is near enough for traffic.
    if (mean > 60) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
    const limit = Math.exp(-mean);
    let product = uniform();
    let count = 0;
    while (product > limit) {
      product *= uniform();
      count += 1;
    }
    return count;
  }

  return {
    uniform,
    below: (n) => Math.floor(uniform() * n),
    normal,
    gamma: (shape) => gammaOf(shape) / shape,
    poisson,
    pareto: (shape) => Math.exp(-Math.log(uniform()) / shape),
  };
}
