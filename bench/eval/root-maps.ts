/**
 * Makes the shipped root tail maps: runs the detector's own row code over simulated benign identities, collects the raw
 * p-values of closed ticks, and writes detector/data/root-calibration.ts. About ten minutes.
 *
 *   npm run build && node dist/bench/eval/root-maps.js [identities] [days] > detector/data/root-calibration.ts
 */

import { tailBin } from '../../detector/calibrate.ts';
import { DEFAULT_PRIORS } from '../../detector/data/default-priors.ts';
import { createObservation } from '../../detector/observation.ts';
import { CHANNELS, TICKS } from '../../schemas/decision.ts';
import { IDENTITY_KINDS, type IdentityKind } from '../../schemas/identity.ts';
import { TAIL_BINS, type TailHistogram } from '../../schemas/priors.ts';
import { simulateIdentity, TRAFFIC_CLASSES } from './benign-traffic.ts';
import { createHarness } from './row-harness.ts';

const identities = Number(process.argv[2] ?? 6_000);
const days = Number(process.argv[3] ?? 60);
/** Seeds from here; evaluation uses others. */
const SEED = 1_000_000;

/** Kinds that behave alike share a map; the last entry is the root, of all together. */
const GROUPS: readonly (readonly IdentityKind[] | null)[] = [
  ['user', 'session', 'token'],
  ['api_key', 'client', 'service'],
  ['ip'],
  null,
];
const ROOT = GROUPS.length - 1;
const groupOf = (kind: number) => GROUPS.findIndex((kinds) => kinds?.includes(IDENTITY_KINDS[kind] as IdentityKind));

const counts = new Map<string, Uint32Array>();
// What is learned depends on evidence, and evidence on the maps: the channels are calibrated twice, and the families
// together on channels that are already calibrated. Simulated identities are benign, so every tick is a sample.
let histograms: TailHistogram[] = [];
for (const pass of ['first', 'channels', 'total'] as const) {
  counts.clear();
  const harness = createHarness(
    DEFAULT_PRIORS,
    { version: 0, origin: 'none', histograms },
    (kind, channel, tick, lnP) => {
      if ((channel === -1) !== (pass === 'total')) return;
      const bin = tailBin(lnP);
      for (const group of [groupOf(kind), ROOT]) {
        const key = `${group}/${channel}/${tick}`;
        let bins = counts.get(key);
        if (bins === undefined) {
          bins = new Uint32Array(TAIL_BINS);
          counts.set(key, bins);
        }
        bins[bin] = (bins[bin] as number) + 1;
      }
    },
  );
  const o = createObservation();
  const count = pass === 'first' ? identities / 2 : identities;
  for (let i = 0; i < count; i++) {
    const traffic = TRAFFIC_CLASSES[i % TRAFFIC_CLASSES.length] as (typeof TRAFFIC_CLASSES)[number];
    harness.fresh(traffic.kind);
    simulateIdentity(SEED + i, traffic, days, o, harness.observe);
    if (i % 500 === 499) console.error(`${pass}: ${i + 1} of ${count} identities`);
  }
  if (pass === 'channels') histograms = [];
  for (const [key, bins] of [...counts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const [group, channel, tick] = key.split('/').map(Number) as [number, number, number];
    const pairs: number[] = [];
    bins.forEach((n, bin) => {
      if (n > 0) pairs.push(bin, n);
    });
    const name = channel < 0 ? 'total' : (CHANNELS[channel] as (typeof CHANNELS)[number]);
    const n = bins.reduce((sum, of) => sum + of, 0);
    const kinds = GROUPS[group] ?? null;
    histograms = [
      ...histograms,
      { channel: name, tick: TICKS[tick] as (typeof TICKS)[number], kinds, n, counts: pairs },
    ];
    // A draw of something new is counted by the hour and judged the same in the minute.
    if (channel >= 3) histograms.push({ channel: name, tick: 'minute', kinds, n, counts: pairs });
  }
}

console.log(`import type { Calibration } from '../../schemas/priors.ts';

/**
 * How often each raw p arises under benign behaviour, per channel, tick length and group of kinds, and of all together
 * (kinds: null), which groups with fewer than 20,000 samples of their own use. Made by bench/eval/root-maps.ts from simulated identities; do not edit by hand.
 */
export const ROOT_CALIBRATION: Calibration = {
  version: 1,
  origin: 'simulated: ${identities} identities over ${days} days, seeds from ${SEED} (bench/eval/root-maps.ts)',
  histograms: [`);
for (const h of histograms) {
  console.log(
    `    { channel: '${h.channel}', tick: '${h.tick}', kinds: ${h.kinds === null ? 'null' : `['${h.kinds.join("', '")}']`}, n: ${h.n}, counts: [${h.counts.join(', ')}] },`,
  );
}
console.log('  ],\n};');
