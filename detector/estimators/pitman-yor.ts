/**
 * Novelty of a categorical value (network, country, route, ...) under a Pitman-Yor process with a Gamma multiplier for how
 * curious this identity is beside its group. The functions are plain formulas; n, K, o and eX are kept by the caller:
 * n = draws so far (one per tick and value, not per request), K = distinct values so far, o = decayed number of new values
 * seen, eX = decayed number of new values expected.
 *
 * Sources: Pitman and Yor, Ann. Probab. 25 (1997); its use on networks: Sanna Passino and Heard, FoDS 1 (2019).
 * Not seen by it: which value is new (see pRare), and new values that follow each other in time.
 */

/** Weight of the prior, in expected new values, on the individual multiplier, whose prior mean is 1. */
const MULTIPLIER_WEIGHT = 3;

/** What is kept of o and eX at each draw: half-life 138 draws. */
const MULTIPLIER_DECAY = 0.995;

/**
 * P(next draw is a new value) by the group's law alone: (theta + discount K)/(n + theta), for theta > 0,
 * 0 <= discount < 1 and K <= n. 1 at n = 0.
 */
export function pNewGroup(n: number, K: number, theta: number, discount: number): number {
  return Math.min(1, (theta + discount * K) / (n + theta));
}

/** P(next draw is a new value) for this identity: the group's law times (o + 3)/(eX + 3), at most 1. */
export function pNew(n: number, K: number, o: number, eX: number, theta: number, discount: number): number {
  return Math.min(1, (pNewGroup(n, K, theta, discount) * (o + MULTIPLIER_WEIGHT)) / (eX + MULTIPLIER_WEIGHT));
}

/** o after a draw. */
export function nextNewSeen(o: number, isNew: boolean): number {
  return MULTIPLIER_DECAY * o + (isNew ? 1 : 0);
}

/** eX after a draw, with n and K as they were before it. */
export function nextNewExpected(eX: number, n: number, K: number, theta: number, discount: number): number {
  return MULTIPLIER_DECAY * eX + pNewGroup(n, K, theta, discount);
}

/**
 * How rare a value is among the values that members of the group adopted: (1 + adoptions of values no more popular than
 * this one)/(1 + all adoptions). Small for a value that hardly anybody uses; a new value is scored pNew * pRare.
 */
export function pRare(adoptionsNoMorePopular: number, adoptions: number): number {
  return (1 + adoptionsNoMorePopular) / (1 + adoptions);
}
