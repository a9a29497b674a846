/** Nats of accumulated evidence that cut the weight by e. */
const NATS_PER_FOLD = 3;

/** Least weight: a lasting honest change is still learned in the end. */
const WEIGHT_MIN = 0.02;

/**
 * How much a closed tick may teach the baselines of an identity that already carries `risk` nats of accumulated evidence:
 * exp(-risk/3), between 0.02 and 1. It keeps an attacker from teaching the baseline the attack. NaN gives the least weight.
 */
export function learningWeight(risk: number): number {
  const weight = Math.exp(-risk / NATS_PER_FOLD);
  if (!(weight > WEIGHT_MIN)) return WEIGHT_MIN;
  return Math.min(weight, 1);
}
