/**
 * How often simulated benign identities rise to each action, per million identity-days, on seeds that the shipped tail maps
 * were not made from. Poisson upper bounds at 95 %.
 *
 *   npm run build && node dist/bench/eval/false-alarms.js [identities] [days] [eta of minutes]
 */

import { risk } from '../../detector/assess.ts';
import { DEFAULT_PRIORS } from '../../detector/data/default-priors.ts';
import { ROOT_CALIBRATION } from '../../detector/data/root-calibration.ts';
import { actionFor, levelAfterDecay, levelOf } from '../../detector/ladder.ts';
import { LEVEL } from '../../detector/layout.ts';
import { createObservation } from '../../detector/observation.ts';
import { ACTIONS } from '../../schemas/decision.ts';
import { DEFAULT_POLICY } from '../../schemas/policy.ts';
import type { GroupPriors, Priors } from '../../schemas/priors.ts';
import { simulateIdentity, TRAFFIC_CLASSES } from './benign-traffic.ts';
import { createHarness } from './row-harness.ts';

const identities = Number(process.argv[2] ?? 2_000);
const days = Number(process.argv[3] ?? 60);
const etaOfMinutes = process.argv[4] === undefined ? null : Number(process.argv[4]);
const SEED = 5_000_000;
/** Upper 95 % limits of a Poisson mean for 0, 1, 2, ... events seen (Garwood 1936). */
const UPPER_95 = [3.0, 4.74, 6.3, 7.75, 9.15];

const withEta = (group: GroupPriors): GroupPriors =>
  etaOfMinutes === null ? group : { ...group, eta: [etaOfMinutes, group.eta[1], group.eta[2]] };
const kinds = Object.fromEntries(Object.entries(DEFAULT_PRIORS.kinds).map(([kind, group]) => [kind, withEta(group)]));
const priors: Priors = { ...DEFAULT_PRIORS, kinds: kinds as Priors['kinds'] };
const harness = createHarness(priors, ROOT_CALIBRATION, null);
const counts = new Map<string, number>(ACTIONS.map((action) => [action, 0]));
const o = createObservation();
let peak = 0;
for (let i = 0; i < identities; i++) {
  const traffic = TRAFFIC_CLASSES[i % TRAFFIC_CLASSES.length] as (typeof TRAFFIC_CLASSES)[number];
  harness.fresh(traffic.kind);
  simulateIdentity(SEED + i, traffic, days, o, (event) => {
    if (!harness.observe(event).rose) return;
    const level = risk(harness.view);
    peak = Math.max(peak, level);
    const words = harness.view.words;
    words[LEVEL] = levelAfterDecay(DEFAULT_POLICY, words[LEVEL] as number, level);
    const action = actionFor(DEFAULT_POLICY, harness.view, traffic.kind, level);
    if (action === null || levelOf(action) <= (words[LEVEL] as number)) return;
    words[LEVEL] = levelOf(action);
    counts.set(action, (counts.get(action) as number) + 1);
  });
}
const identityDays = identities * days;
const perMillion = (count: number) => Number(((count / identityDays) * 1e6).toFixed(1));
console.log(
  JSON.stringify(
    {
      identity_days: identityDays,
      eta: priors.kinds.user.eta,
      peak_nats: Number(peak.toFixed(1)),
      per_million_identity_days: Object.fromEntries([...counts].map(([action, count]) => [action, perMillion(count)])),
      upper_95: Object.fromEntries(
        [...counts].map(([action, n]) => [action, perMillion(UPPER_95[n] ?? n + 1.96 * Math.sqrt(n) + 2)]),
      ),
    },
    null,
    2,
  ),
);
