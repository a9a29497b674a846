import { DECISION_COLUMNS, EVIDENCE_COLUMNS } from '../../schemas/clickhouse/decisions.ts';
import type { Decision } from '../../schemas/decision.ts';
import type { BusRecord } from '../ports.ts';
import type { Batch, BatchInsert } from './batch.ts';
import type { DecisionsRecord } from './detect.ts';

const DECISION_NAMES = DECISION_COLUMNS.map((column) => column.name);
const EVIDENCE_NAMES = EVIDENCE_COLUMNS.map((column) => column.name);

/**
 * Decision records as rows of `decisions` and `evidence`. A record whose `at` is at or below the highest seen is a
 * repeat: a detector that starts again from its checkpoint derives the same decisions once more.
 *
 * Throws on a record that is none of ours: the detector alone writes them, so that is a fault of the installation.
 */
export function createDecisionBatch(options: { marks: unknown; onRepeats(records: number): void }): Batch {
  let high = typeof options.marks === 'number' ? options.marks : -1;
  let decisions: string[] = [];
  let evidence: string[] = [];
  /** The deciding event of each decision in hand. */
  let places = new Map<string, { source: string; position: number }>();
  let bytes = 0;

  return {
    get rows() {
      return Math.max(decisions.length, evidence.length);
    },
    get bytes() {
      return bytes;
    },
    add(record: BusRecord): boolean {
      const { v, at, decisions: made } = JSON.parse(record.value.toString()) as DecisionsRecord;
      if (v !== 1) throw new Error(`decisions record of version ${v}; this program reads 1`);
      if (at <= high) {
        options.onRepeats(1);
        return true;
      }
      high = at;
      bytes += 2 * record.value.length;
      for (const decision of made) {
        decisions.push(decisionRow(decision));
        places.set(decision.id, { source: decision.source, position: decision.position });
        for (const reason of decision.reasons) evidence.push(evidenceRow(decision, reason));
      }
      return true;
    },
    take(): readonly BatchInsert[] {
      const of = places;
      const describe = (format: string) => (line: Buffer) => {
        const [id] = JSON.parse(line.toString()) as [string];
        return { ...(of.get(id) ?? NOWHERE), received: null, format };
      };
      const inserts: BatchInsert[] = [];
      const put = (table: 'decisions' | 'evidence', columns: readonly string[], lines: readonly string[]) => {
        if (lines.length === 0) return;
        const rows = Buffer.from(lines.join(''));
        inserts.push({ table, columns, rows, lines: lines.length, describe: describe(`${table}-row`) });
      };
      put('decisions', DECISION_NAMES, decisions);
      put('evidence', EVIDENCE_NAMES, evidence);
      decisions = [];
      evidence = [];
      places = new Map();
      bytes = 0;
      return inserts;
    },
    marks: () => high,
  };
}

const NOWHERE = { source: null, position: null };

/** In the order of DECISION_COLUMNS. */
function decisionRow(d: Decision): string {
  return row([
    d.id,
    d.timeMs,
    d.tenant,
    d.kind,
    d.identity,
    d.action,
    d.mode,
    d.risk,
    d.source,
    d.position,
    JSON.stringify(d.versions),
    JSON.stringify(d.reasons),
  ]);
}

/** In the order of EVIDENCE_COLUMNS. */
function evidenceRow(d: Decision, r: Decision['reasons'][number]): string {
  const seen = String(r.seen).toWellFormed();
  return row([d.id, d.timeMs, d.tenant, d.kind, d.identity, r.channel, r.tick, r.expected, seen, r.nats]);
}

function row(values: readonly (string | number)[]): string {
  return `${JSON.stringify(values)}\n`;
}
