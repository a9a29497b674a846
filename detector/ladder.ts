import { ACTIONS, type Action, FAMILIES } from '../schemas/decision.ts';
import { IDENTITY_KINDS, type IdentityKind } from '../schemas/identity.ts';
import type { Policy } from '../schemas/policy.ts';
import { familyRisk } from './assess.ts';
import { ACTIVE_DAYS, ACTIVE_TICKS } from './layout.ts';
import type { RowView } from './row-view.ts';

/** Level of an action in a row: its place on the ladder from 1; 0 = none. */
export const levelOf = (action: Action): number => ACTIONS.indexOf(action) + 1;

/** A level falls once the risk is this far under its threshold, so that it does not flap at the edge. */
const HYSTERESIS_NATS = 1;

/** Kinds shared by many people or programs: an address, a network, a fingerprint. There is no session to revoke. */
const SHARED_KINDS: ReadonlySet<IdentityKind> = new Set<IdentityKind>(['ip', 'asn', 'ja4']);

/** The action that the risk calls for, guards applied; null below the first rung. */
export function actionFor(policy: Policy, view: RowView, kind: number, risk: number): Action | null {
  const { ladder } = policy;
  if (risk < ladder.observe) return null;
  if (risk < ladder.notify) return 'observe';
  if (risk < ladder.throttle || !isLearned(policy, view)) return 'notify';
  const revocation = risk >= ladder.revoke_session && !SHARED_KINDS.has(IDENTITY_KINDS[kind] as IdentityKind);
  if (!revocation || !familiesAgree(policy, view)) return policy.reversible;
  return risk >= ladder.revoke_credential ? 'revoke_credential' : 'revoke_session';
}

/** The level that stays once the risk has fallen: the present one until the risk is well under its threshold. */
export function levelAfterDecay(policy: Policy, level: number, risk: number): number {
  const { ladder } = policy;
  const thresholds: Record<Action, number> = {
    observe: ladder.observe,
    notify: ladder.notify,
    throttle: ladder.throttle,
    step_up: ladder.throttle,
    revoke_session: ladder.revoke_session,
    revoke_credential: ladder.revoke_credential,
  };
  let now = level;
  while (now > 0 && risk < thresholds[ACTIONS[now - 1] as Action] - HYSTERESIS_NATS) now -= 1;
  return now;
}

/** The baseline rests on enough of the identity's own behaviour to touch its access. */
function isLearned(policy: Policy, view: RowView): boolean {
  return (
    (view.words[view.at + ACTIVE_TICKS] as number) >= policy.learning.active_ticks &&
    (view.words[view.at + ACTIVE_DAYS] as number) >= policy.learning.active_days
  );
}

function familiesAgree(policy: Policy, view: RowView): boolean {
  let agreeing = 0;
  for (let family = 0; family < FAMILIES.length; family++) {
    if (familyRisk(view, family) >= policy.family_nats) agreeing += 1;
  }
  return agreeing >= policy.families_to_revoke;
}
