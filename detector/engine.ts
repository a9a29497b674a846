import { admit, type HighMarks } from '../schemas/admit.ts';
import { type BlockView, FUTURE_TOLERANCE_MS, openBlock } from '../schemas/block.ts';
import { type Decision, decisionId } from '../schemas/decision.ts';
import { EVENT_FLAGS } from '../schemas/event.ts';
import { IDENTITY_KINDS, type IdentityKind } from '../schemas/identity.ts';
import type { Policy } from '../schemas/policy.ts';
import type { Calibration, Priors } from '../schemas/priors.ts';
import type { RowImage } from '../schemas/row-image.ts';
import { leadingTick, risk } from './assess.ts';
import { type Control, type ControlState, createControls } from './control.ts';
import { createCountDetector } from './detectors/counts.ts';
import { explain } from './explain.ts';
import { actionFor, levelOf } from './ladder.ts';
import { FIRST, KIND, LEVEL, NEWEST, TENANT, TICK_INDEX, tickBase } from './layout.ts';
import { createObservation, RANGE, readObservation, textOf } from './observation.ts';
import { createRecentNovelties, type Novelty } from './recent-novelties.ts';
import type { RowView, TailMaps, TailSink } from './row-view.ts';
import { createRows } from './rows.ts';
import { createTicks } from './ticks.ts';

/** Channels of context and route in CHANNELS, for naming new values. */
const FIRST_CONTEXT_CHANNEL = 3;
const ROUTE_CHANNEL = 7;

/** Sources whose high marks are kept; those that brought nothing for longest are forgotten first. */
const SOURCES_MAX = 4_096;

export interface EngineOptions {
  /** Data sets that control lines may name, by version. */
  readonly priors: readonly Priors[];
  readonly calibrations: readonly Calibration[];
  /** Most identities kept; beyond it clean ones are evicted. */
  readonly rowsMax: number;
  /** Gets the p-values of closed ticks, for building tail maps. */
  readonly sink?: TailSink;
}

export interface EngineCounters {
  /** Times set back to the acceptance clock. */
  clamped: number;
  /** Events too old for a tick length, stored and not learned. */
  late: number;
  /** Events without anybody to hold them against. */
  ownerless: number;
  /** Events of identities that found no room. */
  unplaced: number;
  evicted: number;
}

/** The pure detector of one partition: one ordered log of blocks in, decisions out; event time only. */
export interface Engine {
  apply(value: Buffer, onDecision: (decision: Decision) => void): { events: number; repeats: number };
  meta(): string;
  restoreMeta(meta: string): void;
  restoreRow(row: RowImage): void;
  takeDirtyRows(): Iterable<RowImage>;
  rowCount(): number;
  counters(): EngineCounters;
}

interface Meta {
  readonly high: [string, number][];
  readonly tenants: string[];
  readonly control: ControlState | null;
  readonly events: number;
  readonly hand: number;
  readonly novelties: [number, Novelty][];
}

/**
 * Creates the engine of one partition. The same log gives the same decisions, byte for byte, whatever the number of
 * partitions and wherever it was cut by a restart: everything that a decision rests on is in rows, in `meta`, or in the
 * log itself. Throws on a control line or a state that names data this program does not have.
 */
export function createEngine(options: EngineOptions): Engine {
  const rows = createRows(options.rowsMax);
  const controls = createControls(options.priors, options.calibrations);
  const requests = createCountDetector('requests');
  const objects = createCountDetector('objects');
  const ticks = createTicks(requests, objects, options.sink ?? null);
  const novelties = createRecentNovelties();
  const o = createObservation();
  const counters = { clamped: 0, late: 0, ownerless: 0, unplaced: 0 };
  let high: HighMarks = new Map();
  let tenants: string[] = [];
  let events = 0;
  const view = {} as RowView;
  /** Maps of the group of the row in hand. */
  let maps: TailMaps;

  function place(row: number, control: Control): void {
    const group = control.groups[o.kind] as Control['groups'][number];
    view.priors = group.priors;
    view.offsets = group.offsets;
    maps = group.maps;
    view.words = rows.words(row);
    view.floats = rows.floats(row);
    view.at = rows.offsetOf(row);
  }

  function tenantNumber(bytes: Buffer): number {
    const name = textOf(bytes, o, RANGE.tenant);
    const known = tenants.indexOf(name);
    return known >= 0 ? known : tenants.push(name) - 1;
  }

  function newRow(bytes: Buffer, control: Control): number {
    const row = rows.add(o.id0, o.id1, o.id2, o.id3);
    if (row < 0) return row;
    if (rows.recycled()) novelties.forget(row);
    place(row, control);
    view.words[view.at + KIND] = o.kind;
    view.words[view.at + TENANT] = tenantNumber(bytes);
    rows.doubles(row)[(view.at + FIRST) >> 1] = o.timeMs;
    ticks.start(view);
    return row;
  }

  function rememberNovelty(bytes: Buffer, row: number, channel: number, source: string): void {
    const value =
      channel === ROUTE_CHANNEL ? routeText(bytes) : textOf(bytes, o, RANGE.context + channel - FIRST_CONTEXT_CHANNEL);
    const hour = (view.words[view.at + tickBase(1) + TICK_INDEX] as number) - 1;
    novelties.put(row, channel, { value, source, position: o.position, hour });
  }

  const routeText = (bytes: Buffer) => `${textOf(bytes, o, RANGE.method)} ${textOf(bytes, o, RANGE.route)}`;

  function decide(bytes: Buffer, row: number, source: string, epoch: number, policy: Policy): Decision | null {
    const level = risk(view);
    if (level < policy.ladder.observe) return null;
    const action = actionFor(policy, view, o.kind, level);
    if (action === null || levelOf(action) <= (view.words[view.at + LEVEL] as number)) return null;
    view.words[view.at + LEVEL] = levelOf(action);
    const tenant = tenants[view.words[view.at + TENANT] as number] as string;
    const kind = IDENTITY_KINDS[o.kind] as IdentityKind;
    const identity = textOf(bytes, o, RANGE.identity);
    const { position } = o;
    const context = { view, maps, row, tenant, kind, identity, source, position, requests, objects, novelties };
    return {
      v: 1,
      id: decisionId(tenant, kind, identity, source, position, action),
      tenant,
      kind,
      identity,
      timeMs: o.timeMs,
      action,
      mode: policy.mode,
      risk: Math.round(level * 1000) / 1000,
      reasons: explain(context, leadingTick(view)),
      source,
      position,
      versions: { ...controls.versions(), epoch },
    };
  }

  function applyEvent(
    block: BlockView,
    source: string,
    control: Control,
    onDecision: (decision: Decision) => void,
  ): void {
    const { bytes } = block;
    events += 1;
    if (o.kind < 0) {
      counters.ownerless += 1;
      return;
    }
    const { clock } = block.header;
    if (clock !== null && o.timeMs > clock + FUTURE_TOLERANCE_MS) {
      o.timeMs = clock;
      counters.clamped += 1;
    }
    let row = rows.find(o.id0, o.id1, o.id2, o.id3);
    if (row < 0) {
      row = newRow(bytes, control);
      if (row < 0) {
        counters.unplaced += 1;
        return;
      }
    } else {
      place(row, control);
    }
    rows.touch(row, events);
    const doubles = rows.doubles(row);
    const newestAt = (view.at + NEWEST) >> 1;
    const newest = doubles[newestAt] as number;
    if (o.timeMs > newest) doubles[newestAt] = o.timeMs;
    if ((o.flags & EVENT_FLAGS.ourDenial) !== 0) return;
    const outcome = ticks.observe(view, maps, control.policy, o, newest);
    if (outcome.late) counters.late += 1;
    if (outcome.newContext !== 0) {
      for (let axis = 0; axis < 4; axis++) {
        if ((outcome.newContext & (1 << axis)) !== 0) rememberNovelty(bytes, row, FIRST_CONTEXT_CHANNEL + axis, source);
      }
    }
    if (outcome.newRoute) rememberNovelty(bytes, row, ROUTE_CHANNEL, source);
    if (!outcome.rose) return;
    const decision = decide(bytes, row, source, block.header.epoch, control.policy);
    if (decision !== null) onDecision(decision);
  }

  return {
    apply(value, onDecision) {
      const block = openBlock(value);
      if (block.header.control !== undefined) {
        controls.apply(block.header.control);
        return { events: 0, repeats: 0 };
      }
      const control = controls.current();
      let admitted = 0;
      const repeats = admit(block, high, (source, from, to) => {
        for (let offset = from; offset < to; offset = block.bytes.indexOf(10, offset) + 1) {
          readObservation(block.bytes, offset, o);
          applyEvent(block, source, control, onDecision);
          admitted += 1;
        }
      });
      if (high.size > SOURCES_MAX) {
        for (const source of [...high.keys()].slice(0, high.size - SOURCES_MAX)) high.delete(source);
      }
      return { events: admitted, repeats };
    },
    meta() {
      const meta: Meta = {
        high: [...high],
        tenants,
        control: controls.state(),
        events,
        hand: rows.hand(),
        novelties: novelties.dump(),
      };
      return JSON.stringify(meta);
    },
    restoreMeta(text) {
      const meta = JSON.parse(text) as Meta;
      high = new Map(meta.high);
      tenants = meta.tenants;
      events = meta.events;
      rows.setHand(meta.hand);
      novelties.load(meta.novelties);
      if (meta.control !== null) controls.restore(meta.control);
    },
    restoreRow: (row) => rows.restore(row),
    takeDirtyRows: () => rows.takeDirty(),
    rowCount: () => rows.count(),
    counters: () => ({ ...counters, evicted: rows.evicted() }),
  };
}
