import { randomUUID } from 'node:crypto';
import type { Bus, BusRecord, EventStore, Mark, OutRecord, StateStore } from '../../platform/ports.ts';
import type { DecisionsRecord } from '../../platform/stages/detect.ts';
import type { KillSwitch } from './kill-points.ts';

/** What keeps a crash from losing or doubling anything. Each can be switched off on its own, by standing in between. */
export const GUARDS = [
  // Rows, meta and offset of a checkpoint become durable together. Off: meta and offset first, the rows behind them.
  'checkpoint-in-one',
  // The store knows a repeated insert by its token. Off: every insert has another.
  'store-token',
  // A batch is announced before it is stored, so that it is cut again in the same way. Off: nothing is announced.
  'store-intent',
  // An idempotency key becomes durable with its lines. Off: a little later.
  'key-with-lines',
  // The position of a file becomes durable with its lines. Off: a little later.
  'position-with-lines',
  // Lines at or below the high mark of their source are repeats. Off: no mark outlives the process.
  'high-marks',
  // Decisions are published before the checkpoint that contains them. Off: behind it.
  'decisions-first',
  // The store skips decisions that the detector derives once more. Off: each record counts as new.
  'decisions-once',
] as const;
export type Guard = (typeof GUARDS)[number];

/** Stands between the ports and the app, with these guards switched off. Passes `guard` where a kill must hurt. */
export interface WithoutGuards {
  bus(bus: Bus): Bus;
  state(state: StateStore): StateStore;
  store(store: EventStore): EventStore;
}

export function withoutGuards(off: ReadonlySet<Guard>, kill: KillSwitch): WithoutGuards {
  const is = (guard: Guard) => off.has(guard);
  return {
    bus(inner) {
      let bus = inner;
      if (is('high-marks')) bus = forgetHighMarks(bus);
      if (is('store-intent')) bus = dropMarks(bus, isIntent);
      if (is('key-with-lines')) bus = delayMarks(bus, 'idem/', kill);
      if (is('position-with-lines')) bus = delayMarks(bus, 'file/', kill);
      if (is('decisions-first')) bus = holdDecisions(bus, kill);
      if (is('decisions-once')) bus = numberDecisionsAnew(bus);
      return bus;
    },
    state(inner) {
      let state = inner;
      if (is('high-marks')) state = checkpointsWithoutHighMarks(state);
      if (is('checkpoint-in-one')) state = checkpointsInTwo(state, kill);
      return state;
    },
    store(inner) {
      if (!is('store-token')) return inner;
      return { ...inner, insert: (insert) => inner.insert({ ...insert, token: randomUUID() }) };
    },
  };
}

const isIntent = ({ key }: Mark) => key.startsWith('store/') && key.endsWith('/intent');

function dropMarks(bus: Bus, dropped: (mark: Mark) => boolean): Bus {
  return {
    ...bus,
    commit: (group, topic, partition, next, marks = [], records = []) => {
      const kept = marks.filter((mark) => !dropped(mark));
      return bus.commit(group, topic, partition, next, kept, records);
    },
  };
}

/** Marks that travel with lines come behind them instead. */
function delayMarks(bus: Bus, prefix: string, kill: KillSwitch): Bus {
  return {
    ...bus,
    async append(records, marks = [], options) {
      const late = marks.filter(({ key }) => key.startsWith(prefix));
      if (records.length === 0 || late.length === 0) return bus.append(records, marks, options);
      await bus.append(
        records,
        marks.filter((mark) => !late.includes(mark)),
        options,
      );
      await kill.pass('guard');
      await bus.append([], late);
    },
  };
}

/** The store's own note of what it has seen, without the high marks. */
function forgetHighMarks(bus: Bus): Bus {
  const strip = (mark: Mark): Mark => {
    if (!/^store\/events\/\d+\/state$/.test(mark.key) || mark.value === null) return mark;
    return { key: mark.key, value: JSON.stringify({ ...JSON.parse(mark.value), marks: [] }) };
  };
  return {
    ...bus,
    append: (records, marks = [], options) => bus.append(records, marks.map(strip), options),
    commit: (group, topic, partition, next, marks = [], records = []) =>
      bus.commit(group, topic, partition, next, marks.map(strip), records),
  };
}

function checkpointsWithoutHighMarks(state: StateStore): StateStore {
  return {
    ...state,
    save(partition, { nextOffset, meta }, rows) {
      return state.save(partition, { nextOffset, meta: JSON.stringify({ ...JSON.parse(meta), high: [] }) }, rows);
    },
  };
}

function checkpointsInTwo(state: StateStore, kill: KillSwitch): StateStore {
  return {
    ...state,
    async save(partition, checkpoint, rows) {
      const copied = Array.from(rows, ({ index, bytes }) => ({ index, bytes: Buffer.from(bytes) }));
      await state.save(partition, checkpoint, []);
      await kill.pass('guard');
      await state.save(partition, checkpoint, copied);
    },
  };
}

/** Decisions wait in memory until the checkpoint that contains them is committed. */
function holdDecisions(bus: Bus, kill: KillSwitch): Bus {
  const held = new Map<number, OutRecord[]>();
  return {
    ...bus,
    append(records, marks, options) {
      const decisions = records.filter(({ topic }) => topic === 'decisions');
      for (const record of decisions) held.set(record.partition, [...(held.get(record.partition) ?? []), record]);
      return bus.append(
        records.filter(({ topic }) => topic !== 'decisions'),
        marks,
        options,
      );
    },
    async commit(group, topic, partition, next, marks, records) {
      await bus.commit(group, topic, partition, next, marks, records);
      const decisions = held.get(partition) ?? [];
      if (group !== 'detector' || decisions.length === 0) return;
      held.delete(partition);
      await kill.pass('guard');
      await bus.append(decisions);
    },
  };
}

/** Every record of `decisions` seems to be of an events block that was never seen. */
function numberDecisionsAnew(bus: Bus): Bus {
  const anew = (record: BusRecord): BusRecord => {
    const value: DecisionsRecord = { ...(JSON.parse(record.value.toString()) as DecisionsRecord), at: record.offset };
    return { ...record, value: Buffer.from(JSON.stringify(value)) };
  };
  return {
    ...bus,
    consume(options) {
      if (options.topic !== 'decisions') return bus.consume(options);
      return bus.consume({
        ...options,
        onRecords: (partition, records) => options.onRecords(partition, records.map(anew)),
      });
    },
  };
}
