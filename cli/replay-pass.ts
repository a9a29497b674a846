import { DEFAULT_PRIORS } from '../detector/data/default-priors.ts';
import { ROOT_CALIBRATION } from '../detector/data/root-calibration.ts';
import { createEngine, type Engine } from '../detector/engine.ts';
import { createBlockEncoder } from '../ingest/encoder.ts';
import type { EventLine } from '../ingest/event-line.ts';
import type { LineFormat } from '../ingest/formats/format.ts';
import { type LineHandlers, readLines } from '../ingest/line-reader.ts';
import { encodeControl } from '../schemas/block.ts';
import type { Decision } from '../schemas/decision.ts';
import type { Policy } from '../schemas/policy.ts';

/** Configuration number of a replay: it has none of its own. */
const EPOCH = 0;
/** Most identities kept over all partitions: 1 KiB each. */
export const REPLAY_ROWS_MAX = 4_000_000;

export interface ReplayTotals {
  lines: number;
  events: number;
  dropped: Map<string, number>;
  deadLettered: Map<string, number>;
  /** Events that name nobody: no principal, and a client that is no address (a host name, a socket). */
  ownerless: number;
  decisions: Decision[];
}

/** One offline run over logs: lines -> event lines -> blocks -> detector, the same code as live. */
export interface ReplayPass {
  /** Reads a stretch of whole lines; returns how many lines were read in all. */
  read(bytes: Buffer, format: LineFormat, source: string, position: number): number;
  /** Sends what is left and returns the decisions sorted by time and id. */
  finish(): ReplayTotals;
  identities(): number;
}

/**
 * Times are not clamped, nothing is stored, and no clock is read: the same input gives the same decisions on any number
 * of partitions (below REPLAY_ROWS_MAX identities).
 */
export function createReplayPass(options: { partitions: number; line: EventLine; policy: Policy }): ReplayPass {
  const { partitions, line } = options;
  const encoder = createBlockEncoder({ partitions, epoch: EPOCH });
  const totals: ReplayTotals = {
    lines: 0,
    events: 0,
    dropped: new Map(),
    deadLettered: new Map(),
    ownerless: 0,
    decisions: [],
  };
  const collect = (decision: Decision) => totals.decisions.push(decision);
  const control = encodeControl(
    {
      type: 'configure',
      policy: options.policy,
      priors: DEFAULT_PRIORS.version,
      calibration: ROOT_CALIBRATION.version,
    },
    EPOCH,
    0,
  );
  const engines = Array.from({ length: partitions }, (): Engine => {
    const engine = createEngine({
      priors: [DEFAULT_PRIORS],
      calibrations: [ROOT_CALIBRATION],
      rowsMax: Math.ceil(REPLAY_ROWS_MAX / partitions),
    });
    engine.apply(control, collect);
    return engine;
  });

  function send(partition: number): void {
    const block = encoder.take(partition, 0, null);
    if (block === null) return;
    (engines[partition] as Engine).apply(block.value, collect);
    encoder.recycle(block);
  }

  const count = (counts: Map<string, number>, reason: string) => counts.set(reason, (counts.get(reason) ?? 0) + 1);
  let sourceNow = '';
  const handlers: LineHandlers = {
    record(record, position) {
      line.encode(record, position);
      totals.events += 1;
      if (encoder.add(line.partition, sourceNow, position, line.bytes, line.length)) send(line.partition);
    },
    drop: (reason) => count(totals.dropped, reason),
    deadLetter: (reason) => count(totals.deadLettered, reason),
  };

  return {
    read(bytes, format, source, position) {
      sourceNow = source;
      totals.lines += readLines(bytes, format, position, 'bytes', handlers);
      return totals.lines;
    },
    finish() {
      for (let partition = 0; partition < partitions; partition++) send(partition);
      for (const engine of engines) totals.ownerless += engine.counters().ownerless;
      totals.decisions.sort((a, b) => a.timeMs - b.timeMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
      return totals;
    },
    identities: () => engines.reduce((sum, engine) => sum + engine.rowCount(), 0),
  };
}
