import Type from 'typebox';
import { FAMILIES, MODES } from './decision.ts';

/**
 * What the detector does with accumulated evidence: how much leads to which action, and what must hold besides.
 * Thresholds are in nats (natural logarithm of the evidence against "behaves like itself"). In effect from the place in
 * the event log at which its control line stands, so that the same log always gives the same decisions.
 */

const nats = (description: string, value: number) =>
  Type.Number({ description, default: value, minimum: 0, maximum: NATS_MAX });

/** Above this no realistic amount of evidence arrives: a higher threshold is a way to write "never" by mistake. */
const NATS_MAX = 200;

/** The rungs, mildest first. `throttle` is the reversible one; `reversible` says which action it takes. */
export const RUNGS = ['observe', 'notify', 'throttle', 'revoke_session', 'revoke_credential'] as const;
export type Rung = (typeof RUNGS)[number];

// An accumulated sum of evidence reaches ln A by chance at most once in A active ticks, if the evidence of each tick is
// conditionally valid (e-detectors: Shin, Ramdas, Rinaldo, New England Journal of Statistics in Data Science 2023).
export const LadderSchema = Type.Object(
  {
    // ln 1e2: a chance of one in a hundred; worth a line in the store, nobody's attention.
    observe: nats('Record a decision; nobody is told.', 4.6),
    // ln 1e4.
    notify: nats('Tell the analysts.', 9.2),
    // ln 1e5, and the action can be taken back within the minute.
    throttle: nats('Slow down or ask for a second proof; see `reversible`.', 11.5),
    // ln 2.4e7: one false revocation per million identity-days at 24 active ticks a day.
    revoke_session: nats('End the sessions that hold the evidence.', 17),
    // ln 1e10: a credential is dearer to replace than a session, so the bar is 400 times as high.
    revoke_credential: nats('Revoke the credential itself.', 23),
  },
  {
    additionalProperties: false,
    description: 'Evidence, in nats, at which each action is taken; each higher than the one before.',
  },
);

export const PolicySchema = Type.Object(
  {
    version: Type.Integer({
      description: 'Raise it with every change: decisions name the version that they rest on.',
      default: 1,
      minimum: 1,
      maximum: 2_147_483_647,
    }),
    mode: Type.Enum([...MODES], {
      description: 'shadow: decide and record, touch nobody. enforce: decisions are carried out.',
      default: 'shadow',
    }),
    reversible: Type.Enum(['throttle', 'step_up'], {
      description: 'The action of the reversible rung.',
      default: 'throttle',
    }),
    ladder: LadderSchema,
    learning: Type.Object(
      {
        // Microsoft Entra ID Protection waits for 5 days of activity before it judges a user; 20 active ticks leave the
        // estimate of an identity's own rate at about one fifth of its mean (1 / sqrt(20) = 0.22).
        active_ticks: Type.Integer({
          description: 'Active ticks before anything beyond notify.',
          default: 20,
          minimum: 0,
          maximum: 100_000,
        }),
        active_days: Type.Integer({
          description: 'Days with activity before anything beyond notify.',
          default: 5,
          minimum: 0,
          maximum: 365,
        }),
      },
      { additionalProperties: false, description: 'How well an identity must be known before its access is touched.' },
    ),
    // Two sides of behaviour must agree before access is revoked: one alone is more often a release or a new job.
    families_to_revoke: Type.Integer({
      description: 'How many families of channels must each hold `family_nats` before a revocation.',
      default: 2,
      minimum: 1,
      maximum: FAMILIES.length,
    }),
    // The same one in a hundred as `observe`, asked of each family on its own.
    family_nats: nats('Evidence, in nats, that each of these families must hold.', 4.6),
  },
  { additionalProperties: false, description: 'Policy as code.' },
);

export type Policy = Type.Static<typeof PolicySchema>;

/** The policy of an installation that wrote none. The sources of its numbers stand at the schema. */
export const DEFAULT_POLICY: Policy = {
  version: 1,
  mode: 'shadow',
  reversible: 'throttle',
  ladder: { observe: 4.6, notify: 9.2, throttle: 11.5, revoke_session: 17, revoke_credential: 23 },
  learning: { active_ticks: 20, active_days: 5 },
  families_to_revoke: 2,
  family_nats: 4.6,
};

/** The pairs of neighbouring rungs whose thresholds do not rise, mildest first. Unknown thresholds are passed over. */
export function rungsThatDoNotRise(ladder: Partial<Policy['ladder']>): { lower: Rung; upper: Rung }[] {
  const pairs: { lower: Rung; upper: Rung }[] = [];
  for (const [index, upper] of RUNGS.entries()) {
    const lower = RUNGS[index - 1];
    if (lower === undefined) continue;
    const below = ladder[lower];
    const above = ladder[upper];
    if (below !== undefined && above !== undefined && above <= below) pairs.push({ lower, upper });
  }
  return pairs;
}
