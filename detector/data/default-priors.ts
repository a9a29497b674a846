import type { CountPrior, GroupPriors, Priors } from '../../schemas/priors.ts';

/**
 * What is assumed of an identity that was never seen, by kind, until its installation has groups of its own.
 *
 * Origin. `ip`: mean requests per active hour and day of the 1,753 addresses of the demonstration log (3.4 and 4.1; 2.8 a
 * minute and 8.8 an hour in the July 1995 NASA log), rounded up; its shape and dispersion are wide on purpose. All other
 * kinds are chosen by hand from the same shapes scaled to API traffic: people some tens of requests an active hour,
 * programs some hundreds. A prior weighs as much as one to two active ticks of the identity's own (b = shape / mean).
 * Novelty: theta 0.5 and discount 0.2 make the second value of an identity as likely as not after one draw and one in
 * fifteen after ten. Failures: one request in fifty, weighing fifty requests.
 */

/** Gamma shape of rates across a group: heavy users are ten times the median. */
const SHAPE = 0.7;
/** Dispersion of counts within an identity (1 / negative-binomial size): minutes are bursty, days even out. */
const DISPERSION = [2, 1, 0.3] as const;

function rate(mean: number, tick: number): CountPrior {
  return { a: SHAPE, b: SHAPE / mean, c: DISPERSION[tick] as number };
}

const NOVELTY = { theta: 0.5, discount: 0.2 };
/** Routes turn up more readily than networks: a person explores, a program is released. */
const ROUTES = { theta: 4, discount: 0.4 };
const FAILURES = { mean: 0.02, strength: 50, tickStrength: 20 };
/** Evidence is tempered: 0.4 for hours and days; minutes of one burst depend on each other more strongly. */
const ETA: GroupPriors['eta'] = [0.25, 0.4, 0.4];

function group(
  requests: readonly number[],
  objects: readonly number[],
  activeTicksPerDay: GroupPriors['activeTicksPerDay'],
): GroupPriors {
  const rates = (means: readonly number[]) => means.map(rate) as unknown as GroupPriors['requests'];
  return {
    requests: rates(requests),
    objects: rates(objects),
    authFailures: FAILURES,
    context: [NOVELTY, NOVELTY, NOVELTY, NOVELTY],
    route: ROUTES,
    activeTicksPerDay,
    eta: ETA,
  };
}

const PERSON = group([4, 30, 150], [2, 8, 30], [40, 6, 1]);
const PROGRAM = group([6, 60, 700], [3, 25, 200], [150, 12, 1]);
const ADDRESS = group([3, 5, 8], [2, 3, 5], [15, 4, 1]);
/** A network or a fingerprint stands for many clients at once. */
const CROWD = group([20, 400, 5_000], [10, 150, 1_500], [600, 22, 1]);

export const DEFAULT_PRIORS: Priors = {
  version: 1,
  origin: 'by kind: addresses from the demonstration log, the others chosen by hand; see the comment in this file',
  kinds: {
    user: PERSON,
    session: PERSON,
    token: PERSON,
    api_key: PROGRAM,
    client: PROGRAM,
    service: PROGRAM,
    ip: ADDRESS,
    asn: CROWD,
    ja4: CROWD,
  },
};
