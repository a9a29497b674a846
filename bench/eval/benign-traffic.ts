import type { Observation } from '../../detector/observation.ts';
import { EVENT_FLAGS } from '../../schemas/event.ts';
import { createDraws, type Draws } from './draws.ts';

/**
 * Simulated benign identities, for calibration and for false-alarm counts. One identity at a time, events in time order.
 *
 * Per identity: own rate per active hour (gamma, shape 0.6, over a mean by class), own burstiness (negative-binomial size
 * lognormal around 1.5), a working day or a round-the-clock rhythm, a mixing value that is redrawn with probability 0.6 an
 * active hour (serial dependence), bursts of Pareto size in 0.4 % of hours, requests gathered in runs of minutes, objects
 * drawn from an own pool that grows, failures at an own small rate with hours of an expired credential, networks and user
 * agents from an own urn, routes from an own list. It is a model: it ranks methods and sets tails, and is no field data.
 */
export interface TrafficClass {
  readonly kind: number;
  /** Mean requests of an active hour over the class. */
  readonly meanPerHour: number;
  /** Hours of the day in which it is active at all, and how likely in each. */
  readonly hours: readonly [number, number];
  readonly activeShare: number;
  readonly weekends: boolean;
}

/** Users, API keys and addresses, with the rates that the default priors expect of them; addresses are the most. */
const USER: TrafficClass = { kind: 0, meanPerHour: 30, hours: [7, 19], activeShare: 0.5, weekends: false };
const API_KEY: TrafficClass = { kind: 3, meanPerHour: 60, hours: [0, 24], activeShare: 0.5, weekends: true };
const ADDRESS: TrafficClass = { kind: 6, meanPerHour: 5, hours: [6, 24], activeShare: 0.08, weekends: true };
export const TRAFFIC_CLASSES: readonly TrafficClass[] = [USER, ADDRESS, API_KEY, ADDRESS, USER, ADDRESS];

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A Thursday, 2026-01-01, so that weekdays fall where they do. */
export const SIMULATION_START_MS = 1_767_225_600_000;
/** A tick of a burst is never this much above the identity's own rate: a gateway's rate limit. */
const BURST_MAX = 200;

/** Feeds `days` of one identity to `onEvent`. The observation is reused. */
export function simulateIdentity(
  seed: number,
  traffic: TrafficClass,
  days: number,
  o: Observation,
  onEvent: (o: Observation) => void,
): void {
  const draws = createDraws(seed);
  o.kind = traffic.kind;
  o.id0 = Math.imul(seed, 0x9e3779b1) >>> 0;
  o.id1 = Math.imul(seed, 0x85ebca6b) >>> 0;
  o.id2 = seed >>> 0;
  o.id3 = 1;
  const rate = Math.max(0.3, draws.gamma(0.6) * traffic.meanPerHour);
  const size = Math.exp(Math.log(1.5) + 0.6 * draws.normal());
  const failureRate = 0.01 * draws.gamma(0.4);
  const habits = createHabits(draws);
  let mixing = draws.gamma(size);
  for (let day = 0; day < days; day++) {
    const weekday = (4 + day) % 7;
    if (!traffic.weekends && (weekday === 0 || weekday === 6)) continue;
    for (let hour = traffic.hours[0]; hour < traffic.hours[1]; hour++) {
      if (draws.uniform() > traffic.activeShare) continue;
      if (draws.uniform() < 0.6) mixing = draws.gamma(size);
      const rhythm = 1 + 0.5 * Math.sin(((hour - 8) / 24) * 2 * Math.PI);
      let count = draws.poisson(rate * rhythm * mixing);
      if (draws.uniform() < 0.004) count = Math.round((count + 1) * Math.min(BURST_MAX, draws.pareto(2.2)));
      if (count === 0) continue;
      const failing = draws.uniform() < 0.001 ? 0.5 : failureRate;
      habits.newHour();
      for (const offsetMs of minutesOf(draws, count)) {
        o.timeMs = SIMULATION_START_MS + day * DAY_MS + hour * HOUR_MS + offsetMs;
        o.flags = draws.uniform() < failing ? EVENT_FLAGS.authFailure : 0;
        habits.next(o);
        onEvent(o);
      }
    }
  }
}

/** Times within the hour: requests gathered in a few runs of minutes, sorted. */
function minutesOf(draws: Draws, count: number): number[] {
  const runs = Array.from({ length: 1 + draws.poisson(1.5) }, () => draws.below(60));
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const start = runs[draws.below(runs.length)] as number;
    const minute = Math.min(59, start + Math.floor(-3 * Math.log(draws.uniform())));
    times.push(minute * 60_000 + draws.below(60_000));
  }
  return times.sort((a, b) => a - b);
}

/** What an identity touches and from where: urns that grow (Pitman-Yor), with an own appetite for new things. */
function createHabits(draws: Draws) {
  const network = createUrn(draws, 0.3 * draws.gamma(1), 0.3);
  const agent = createUrn(draws, 0.1 * draws.gamma(1), 0.15);
  const route = createUrn(draws, 3 * draws.gamma(1), 0.3);
  const object = createUrn(draws, 20 * draws.gamma(1), 0.4);
  const objectShare = draws.uniform();
  let inHour = [0, 0];
  return {
    newHour() {
      inHour = [network(), agent()];
    },
    next(o: Observation) {
      o.context[0] = hashOf(inHour[0] as number, 1);
      o.context[1] = 0;
      o.context[2] = hashOf(inHour[1] as number, 2);
      o.context[3] = hashOf(inHour[1] as number, 3);
      const template = route();
      o.route = hashOf(template, 4);
      o.object = draws.uniform() < objectShare ? hashOf(object(), 5) : 0;
    },
  };
}

/** Pitman-Yor urn: draws an old value by its count less the discount, or a new one. Bounded memory: counts of 4,096 values. */
function createUrn(draws: Draws, theta: number, discount: number): () => number {
  const history: number[] = [];
  let distinct = 0;
  return () => {
    const n = history.length;
    if (draws.uniform() * (n + theta) < theta + discount * distinct || n === 0) {
      distinct += 1;
      history.push(distinct);
      return distinct;
    }
    const value = history[draws.below(n)] as number;
    if (n < 4_096) history.push(value);
    return value;
  };
}

function hashOf(value: number, salt: number): number {
  let h = Math.imul(value + 0x9e3779b9, 0x85ebca6b) ^ Math.imul(salt, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 13), 0x297a2d39);
  return (h ^ (h >>> 16)) >>> 0 || 1;
}
