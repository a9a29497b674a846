import { createHash } from 'node:crypto';
import type { IdentityKind } from './identity.ts';

/** The ladder, mildest first. `observe` and `notify` touch nobody's access. */
export const ACTIONS = ['observe', 'notify', 'throttle', 'step_up', 'revoke_session', 'revoke_credential'] as const;
export type Action = (typeof ACTIONS)[number];

export const MODES = ['shadow', 'enforce'] as const;
export type Mode = (typeof MODES)[number];

/** What is watched about an identity. The order is the number of a channel in rows and maps: append only. */
export const CHANNELS = [
  'requests',
  'auth_failures',
  'objects',
  'network',
  'country',
  'ua_family',
  'ja4',
  'route',
] as const;
export type Channel = (typeof CHANNELS)[number];

/** Lengths of the ticks in which behaviour is counted. The order is their number in rows and maps: append only. */
export const TICKS = ['minute', 'hour', 'day'] as const;
export type Tick = (typeof TICKS)[number];
/** An event of a closed tick still counts, in the open one, when it is at most this much older than the newest. */
export const LATE_MS = 120_000;
/** Slots of the linear counter of distinct objects, per tick length. */
export const OBJECT_SLOTS = { minute: 128, hour: 256, day: 512 } as const satisfies Record<Tick, number>;
export const TICK_MS: Readonly<Record<Tick, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/** Channels that look at the same side of behaviour; two families must agree before a revocation. */
export const FAMILIES = ['volume', 'auth', 'object', 'context', 'privilege'] as const;
export type Family = (typeof FAMILIES)[number];
export const FAMILY_OF: Readonly<Record<Channel, Family>> = {
  requests: 'volume',
  auth_failures: 'auth',
  objects: 'object',
  network: 'context',
  country: 'context',
  ua_family: 'context',
  ja4: 'context',
  route: 'privilege',
};

/** Which stored events show a reason, and how to count them. Every part is needed; nothing else is. */
export interface ReasonQuery {
  readonly tenant: string;
  readonly kind: IdentityKind;
  /** Pseudonym. */
  readonly identity: string;
  /** The tick: half-open range of event completion times, ms: [from, to). */
  readonly fromMs: number;
  readonly toMs: number;
  readonly tick: Tick;
  /** Last event counted, in bus order, so that later events do not change the figure. */
  readonly source: string;
  readonly position: number;
  readonly measure:
    | 'requests'
    | 'auth_failures'
    | 'object_slots'
    | 'network'
    | 'country'
    | 'ua_family'
    | 'ja4'
    | 'route';
  /** For the context and route measures: the value that was new. */
  readonly value: string | null;
  /** What the query finds: for the context and route measures 1, the event that brought the value. */
  readonly count: number;
}

export interface Reason {
  readonly channel: Channel;
  readonly tick: Tick;
  /** What the baseline expects for this tick (a count, a number of failures, or a probability of something new). */
  readonly expected: number;
  /** What was seen: a count, or the new value. */
  readonly seen: number | string;
  /** How many nats of the risk this reason carries. */
  readonly nats: number;
  readonly query: ReasonQuery;
}

export interface Decision {
  readonly v: 1;
  readonly id: string;
  readonly tenant: string;
  readonly kind: IdentityKind;
  /** Pseudonym. */
  readonly identity: string;
  /** Completion time of the deciding event, ms. */
  readonly timeMs: number;
  readonly action: Action;
  readonly mode: Mode;
  /** L: accumulated evidence in nats, 3 decimals. */
  readonly risk: number;
  readonly reasons: readonly Reason[];
  /** The deciding event. */
  readonly source: string;
  readonly position: number;
  /** What the decision rests on, so that it can be derived again. */
  readonly versions: {
    readonly policy: number;
    readonly priors: number;
    readonly calibration: number;
    readonly epoch: number;
  };
}

/** First 16 bytes of SHA-256 over tenant, identity, deciding source and position, and action; hexadecimal. */
export function decisionId(
  tenant: string,
  kind: IdentityKind,
  identity: string,
  source: string,
  position: number,
  action: Action,
): string {
  return createHash('sha256')
    .update(`${tenant}\n${kind}:${identity}\n${source}\n${position}\n${action}`)
    .digest('hex')
    .slice(0, 32);
}
