import {
  CHANNELS,
  type Channel,
  type Reason,
  type ReasonQuery,
  TICK_MS,
  TICKS,
  type Tick,
} from '../schemas/decision.ts';
import type { IdentityKind } from '../schemas/identity.ts';
import { contribution } from './assess.ts';
import { expectedFailures } from './detectors/auth-failures.ts';
import type { CountDetector } from './detectors/counts.ts';
import { estimate, type LinearCounterSize } from './estimators/linear-counting.ts';
import {
  AUTH_FAILURES,
  axisState,
  LN_P,
  OBJECT_BITS,
  OBJECT_COUNTER_BITS,
  REQUESTS,
  ROUTE_STATE,
  TICK_INDEX,
  tickBase,
} from './layout.ts';
import type { RecentNovelties } from './recent-novelties.ts';
import type { RowView, TailMaps } from './row-view.ts';

/** Reasons given with a decision: the strongest; more would bury them. */
const REASONS_MAX = 3;
/** A channel that carries less than this many nats is no reason. */
const NATS_MIN = 0.1;
/** Novelty is counted by the hour whatever tick leads. */
const HOUR = 1;

export interface ExplainContext {
  readonly view: RowView;
  readonly maps: TailMaps;
  readonly row: number;
  readonly tenant: string;
  readonly kind: IdentityKind;
  readonly identity: string;
  readonly source: string;
  readonly position: number;
  readonly requests: CountDetector;
  readonly objects: CountDetector;
  readonly novelties: RecentNovelties;
}

/**
 * The reasons behind a risk that tick length `leading` leads, strongest first. There is always one: when what is open in
 * the leading length carries next to nothing (the evidence is from earlier ticks), the other lengths are asked, and at last
 * the number of requests is stated as it is.
 */
export function explain(context: ExplainContext, leading: number): Reason[] {
  for (const tick of [leading, ...TICKS.keys()]) {
    const reasons = reasonsOf(context, tick);
    if (reasons.length > 0) return reasons.sort((a, b) => b.nats - a.nats).slice(0, REASONS_MAX);
  }
  const nats = Math.max(0, contribution(context.view, context.maps, leading, CHANNELS.indexOf('requests')));
  return [reasonOf(context, leading, CHANNELS.indexOf('requests'), rounded(nats)) as Reason];
}

function reasonsOf(context: ExplainContext, tick: number): Reason[] {
  const { view, maps } = context;
  const reasons: Reason[] = [];
  for (let channel = 0; channel < CHANNELS.length; channel++) {
    const lnP = view.floats[view.at + tickBase(tick) + LN_P + channel] as number;
    if (lnP >= 0) continue;
    const nats = contribution(view, maps, tick, channel);
    if (nats < NATS_MIN) continue;
    const reason = reasonOf(context, tick, channel, rounded(nats));
    if (reason !== null) reasons.push(reason);
  }
  return reasons;
}

function reasonOf(context: ExplainContext, tick: number, number: number, nats: number): Reason | null {
  const { view } = context;
  const channel = CHANNELS[number] as Channel;
  const at = view.at + tickBase(tick);
  const requests = view.words[at + REQUESTS] as number;
  switch (channel) {
    case 'requests':
      return counted(context, channel, tick, nats, context.requests.expected(view, tick), requests, 'requests');
    case 'objects': {
      const seen = estimate(view.words[at + OBJECT_BITS] as number, OBJECT_COUNTER_BITS[tick] as LinearCounterSize);
      return counted(context, channel, tick, nats, context.objects.expected(view, tick), seen, 'object_slots');
    }
    case 'auth_failures': {
      const failures = view.words[at + AUTH_FAILURES] as number;
      return counted(context, channel, tick, nats, expectedFailures(view, tick, requests), failures, 'auth_failures');
    }
    default: {
      const hour = (view.words[view.at + tickBase(HOUR) + TICK_INDEX] as number) - 1;
      const novelty = context.novelties.get(context.row, number, hour);
      if (novelty === null) return null;
      const state = view.at + (channel === 'route' ? ROUTE_STATE : axisState(number - 3));
      const draws = view.floats[state] as number;
      // New values per draw so far, the present one left out: what the identity itself would lead one to expect.
      const expected = draws > 1 ? ((view.floats[state + 1] as number) - 1) / (draws - 1) : 1;
      const query = queryOf(context, HOUR, channel, novelty.value, 1, novelty.source, novelty.position);
      return { channel, tick: 'hour', expected: rounded(expected), seen: novelty.value, nats, query };
    }
  }
}

function counted(
  context: ExplainContext,
  channel: Channel,
  tick: number,
  nats: number,
  expected: number,
  seen: number,
  measure: ReasonQuery['measure'],
): Reason {
  const query = queryOf(context, tick, measure, null, seen, context.source, context.position);
  return { channel, tick: TICKS[tick] as Tick, expected: rounded(expected), seen, nats, query };
}

function queryOf(
  context: ExplainContext,
  tick: number,
  measure: ReasonQuery['measure'],
  value: string | null,
  count: number,
  source: string,
  position: number,
): ReasonQuery {
  const name = TICKS[tick] as Tick;
  const index = (context.view.words[context.view.at + tickBase(tick) + TICK_INDEX] as number) - 1;
  const { tenant, kind, identity } = context;
  const fromMs = index * TICK_MS[name];
  return {
    tenant,
    kind,
    identity,
    fromMs,
    toMs: fromMs + TICK_MS[name],
    tick: name,
    source,
    position,
    measure,
    value,
    count,
  };
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
