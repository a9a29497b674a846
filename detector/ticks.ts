import { CHANNELS, LATE_MS, TICK_MS, TICKS } from '../schemas/decision.ts';
import { EVENT_FLAGS } from '../schemas/event.ts';
import type { Policy } from '../schemas/policy.ts';
import { accumulate, assessTick, heldEvidence, risk, startEvidence } from './assess.ts';
import {
  closeLookAtFailures,
  learnFailures,
  lookAtFailures,
  sampleFailures,
  startFailures,
} from './detectors/auth-failures.ts';
import type { CountDetector } from './detectors/counts.ts';
import { drawContext, drawRoute, lnPOfDraw, startHour } from './detectors/novelty.ts';
import { learningWeight } from './estimators/learning-weight.ts';
import { addBit, estimate, type LinearCounterSize } from './estimators/linear-counting.ts';
import { levelAfterDecay } from './ladder.ts';
import {
  ACTIVE_DAYS,
  ACTIVE_TICKS,
  AUTH_FAILURES,
  AUTH_LOOKS,
  KIND,
  LEVEL,
  LN_P,
  OBJECT_BITS,
  OBJECT_COUNTER_BITS,
  objectCounter,
  REQUESTS,
  TICK_INDEX,
  tickBase,
} from './layout.ts';
import type { Observation } from './observation.ts';
import type { RowView, TailMaps, TailSink } from './row-view.ts';

const LENGTHS = TICKS.map((tick) => TICK_MS[tick]);
const HOUR = 1;
const OBJECTS_CHANNEL = CHANNELS.indexOf('objects');
const DAY = 2;
/** A new value at least this likely carries no evidence that a reason would mention (ln e is negative above p = 0.17). */
const UNUSUAL_LN_P = Math.log(0.17);

/** What an event did to its row; reused. */
export interface TickOutcome {
  /** Some open tick's evidence rose. */
  rose: boolean;
  /** At least one tick length was past. */
  late: boolean;
  /** Bits of the context axes that brought something new and unusual. */
  newContext: number;
  newRoute: boolean;
}

export interface Ticks {
  /** Prepares a row that was just made. */
  start(view: RowView): void;
  /** Counts an event in the open ticks, closing and opening them as its time demands, and scores what it touched. */
  observe(view: RowView, maps: TailMaps, policy: Policy, o: Observation, newestMs: number): TickOutcome;
}

/**
 * Time, per identity: a row holds one open tick per length and closes it at its own next event of a later tick. Baselines
 * learn only from closed ticks. Nothing here depends on other identities, so the order among them does not matter.
 */
export function createTicks(requests: CountDetector, objects: CountDetector, sink: TailSink | null): Ticks {
  const outcome: TickOutcome = { rose: false, late: false, newContext: 0, newRoute: false };
  const open = [true, true, true];

  function openTick(view: RowView, tick: number, index: number): void {
    const at = view.at + tickBase(tick);
    const { words } = view;
    words[at + TICK_INDEX] = index;
    words.fill(0, at + REQUESTS, at + AUTH_LOOKS + 1);
    const counter = view.at + objectCounter(tick);
    words.fill(0, counter, counter + (OBJECT_COUNTER_BITS[tick] as number) / 32);
    startEvidence(view, tick);
    if (tick === HOUR) startHour(view);
    if (tick === DAY) words[view.at + ACTIVE_DAYS] = (words[view.at + ACTIVE_DAYS] as number) + 1;
  }

  function closeTick(view: RowView, maps: TailMaps, tick: number, nextIndex: number): void {
    const at = view.at + tickBase(tick);
    const { words } = view;
    const index = words[at + TICK_INDEX] as number;
    const n = words[at + REQUESTS] as number;
    const k = words[at + AUTH_FAILURES] as number;
    const bits = words[at + OBJECT_BITS] as number;
    const distinct = bits === 0 ? 0 : estimate(bits, OBJECT_COUNTER_BITS[tick] as LinearCounterSize);
    requests.final(view, maps, tick, n);
    closeLookAtFailures(view, maps, tick, n, k);
    if (distinct > 0) objects.final(view, maps, tick, distinct);
    const rawTotal = assessTick(view, maps, tick);
    if (sink !== null) sampleTick(view, tick, index, n, k, distinct, rawTotal);
    const held = heldEvidence(view, true);
    requests.learn(view, tick, n, held);
    learnFailures(view, tick, n, k, held);
    if (distinct > 0) objects.learn(view, tick, distinct, held);
    if (tick === HOUR) words[view.at + ACTIVE_TICKS] = (words[view.at + ACTIVE_TICKS] as number) + 1;
    accumulate(view, tick, nextIndex - index);
  }

  function sampleTick(
    view: RowView,
    tick: number,
    index: number,
    n: number,
    k: number,
    distinct: number,
    total: number,
  ): void {
    const to = sink as TailSink;
    const kind = view.words[view.at + KIND] as number;
    const weight = sampleWeight(view);
    to(kind, 0, tick, requests.sample(view, tick, n, hash01(view, index, 0)), weight);
    to(kind, 1, tick, sampleFailures(view, tick, n, k), weight);
    if (distinct > 0) to(kind, 2, tick, objects.sample(view, tick, distinct, hash01(view, index, 2)), weight);
    to(kind, -1, tick, total, weight);
  }

  /** Moves the row's clock to the event: which tick lengths does it count in? */
  function advance(view: RowView, maps: TailMaps, policy: Policy, timeMs: number, newestMs: number): void {
    const { words } = view;
    for (let tick = 0; tick < 3; tick++) {
      const at = view.at + tickBase(tick);
      const index = Math.floor(timeMs / (LENGTHS[tick] as number)) + 1;
      const current = words[at + TICK_INDEX] as number;
      open[tick] = true;
      if (index === current) continue;
      if (index > current) {
        if (current !== 0) closeTick(view, maps, tick, index);
        openTick(view, tick, index);
      } else if (newestMs - timeMs > LATE_MS) {
        open[tick] = false;
        outcome.late = true;
      }
    }
    const level = words[view.at + LEVEL] as number;
    if (level !== 0) words[view.at + LEVEL] = levelAfterDecay(policy, level, risk(view));
  }

  function countIn(view: RowView, maps: TailMaps, tick: number, o: Observation): boolean {
    const at = view.at + tickBase(tick);
    const { words } = view;
    const n = (words[at + REQUESTS] as number) + 1;
    words[at + REQUESTS] = n;
    let fell = requests.look(view, maps, tick, n);
    let k = words[at + AUTH_FAILURES] as number;
    if ((o.flags & EVENT_FLAGS.authFailure) !== 0) {
      k += 1;
      words[at + AUTH_FAILURES] = k;
    }
    if (lookAtFailures(view, maps, tick, n, k)) fell = true;
    if (o.object !== 0) {
      const size = OBJECT_COUNTER_BITS[tick] as LinearCounterSize;
      if (addBit(words, view.at + objectCounter(tick), size, o.object)) {
        const bits = (words[at + OBJECT_BITS] as number) + 1;
        // From the first object on the channel takes part, as it does at the close.
        if (bits === 1) view.floats[at + LN_P + OBJECTS_CHANNEL] = 0;
        words[at + OBJECT_BITS] = bits;
        if (objects.look(view, maps, tick, estimate(bits, size))) fell = true;
      }
    }
    return fell;
  }

  function drawNovelties(view: RowView, maps: TailMaps, o: Observation): boolean {
    let fell = false;
    for (let axis = 0; axis < 4; axis++) {
      const value = o.context[axis] as number;
      if (value === 0) continue;
      const bits = drawContext(view, maps, axis, value);
      if (bits === 0) continue;
      sampleDraw(view, 3 + axis);
      if ((bits & 4) === 0) continue;
      fell = true;
      if (lnPOfDraw() < UNUSUAL_LN_P) outcome.newContext |= 1 << axis;
    }
    if (o.route !== 0) {
      const bits = drawRoute(view, maps, o.route);
      if (bits !== 0) {
        sampleDraw(view, 7);
        if ((bits & 4) !== 0) {
          fell = true;
          outcome.newRoute = lnPOfDraw() < UNUSUAL_LN_P;
        }
      }
    }
    return fell;
  }

  function sampleDraw(view: RowView, channel: number): void {
    if (sink !== null) sink(view.words[view.at + KIND] as number, channel, HOUR, lnPOfDraw(), sampleWeight(view));
  }

  return {
    start(view) {
      for (let tick = 0; tick < 3; tick++) {
        requests.start(view, tick);
        objects.start(view, tick);
        startFailures(view, tick);
      }
    },
    observe(view, maps, policy, o, newestMs) {
      outcome.rose = false;
      outcome.late = false;
      outcome.newContext = 0;
      outcome.newRoute = false;
      advance(view, maps, policy, o.timeMs, newestMs);
      const novel = open[HOUR] ? drawNovelties(view, maps, o) : false;
      for (let tick = 0; tick < 3; tick++) {
        if (!open[tick]) continue;
        const fell = countIn(view, maps, tick, o);
        if (fell || (novel && tick !== DAY)) {
          assessTick(view, maps, tick);
          outcome.rose = true;
        }
      }
      return outcome;
    },
  };
}

/** How much a sample of this identity weighs: by what was held against it before the open ticks. */
function sampleWeight(view: RowView): number {
  return learningWeight(heldEvidence(view, false));
}

/** A number in [0, 1) from identity, tick and channel: randomises discrete p-values for tail maps, the same on every run. */
function hash01(view: RowView, index: number, channel: number): number {
  let h = (view.words[view.at] as number) ^ Math.imul(index, 0x9e3779b1) ^ Math.imul(channel + 1, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 4_294_967_296;
}
