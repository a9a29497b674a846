import { writeFileSync } from 'node:fs';
import type { App } from '../../app/contract.ts';
import type { EventStore } from '../../platform/ports.ts';
import { DECISION_COLUMNS, EVIDENCE_COLUMNS } from '../../schemas/clickhouse/decisions.ts';
import { EVENT_COLUMN_NAMES } from '../../schemas/columns.ts';
import type { Reason } from '../../schemas/decision.ts';
import type { Counts } from './child-protocol.ts';
import { HTTP_HOST } from './log-lines.ts';

type Row = Record<string, unknown>;

/** Counts without FINAL: what any reader sees. */
export async function countStored(app: App): Promise<Counts> {
  return { ...(await countRows(storeOf(app))), deadLettered: await app.bus.endOffset('dead-letter', 0) };
}

export async function countRows(store: EventStore): Promise<Omit<Counts, 'deadLettered'>> {
  const one = async (sql: string) => (await store.query<Record<string, string>>(sql))[0] ?? {};
  const events = await one('SELECT count() AS total, uniqExact((source, position)) AS distinct FROM events');
  const decisions = await one('SELECT count() AS total, uniqExact(id) AS distinct FROM decisions');
  const rolledUp = await one('SELECT sum(requests) AS total FROM activity_hourly');
  return {
    events: Number(events.total),
    distinctEvents: Number(events.distinct),
    decisions: Number(decisions.total),
    distinctDecisions: Number(decisions.distinct),
    rolledUp: Number(rolledUp.total),
  };
}

/**
 * Writes events, decisions and evidence as sorted lines that are the same for the same traffic. Left out is what another
 * run gives otherwise: the moment of receipt, the place on the bus, the random source; ids, which are made of the source;
 * and of what came by HTTP the position, which counts the requests of one process.
 */
export function dumpStored(app: App, path: string): Promise<void> {
  return dumpRows(storeOf(app), path);
}

export async function dumpRows(store: EventStore, path: string): Promise<void> {
  const all = (columns: readonly string[], table: string) =>
    store.query<Row>(`SELECT ${columns.map((name) => `\`${name}\``).join(', ')} FROM ${table}`);
  const events = await all(EVENT_COLUMN_NAMES, 'events');
  const byHttp = new Set(events.filter(({ host }) => host === HTTP_HOST).map(({ identity }) => identity));
  const without = (row: Row, ...names: string[]): Row => {
    const dropped = byHttp.has(row.identity) ? [...names, 'position'] : names;
    return Object.fromEntries(Object.entries(row).filter(([name]) => !dropped.includes(name)));
  };
  const decisions = await all(
    DECISION_COLUMNS.map(({ name }) => name),
    'decisions',
  );
  const evidence = await all(
    EVIDENCE_COLUMNS.map(({ name }) => name),
    'evidence',
  );
  const lines = [
    ...events.map((row) => ['event', without(row)]),
    ...decisions.map((row) => ['decision', without({ ...row, reasons: reasonsOf(row, without) }, 'id', 'source')]),
    ...evidence.map((row) => ['evidence', without(row, 'decision')]),
  ];
  writeFileSync(
    path,
    lines
      .map((line) => `${JSON.stringify(line)}\n`)
      .sort()
      .join(''),
  );
}

function reasonsOf({ reasons }: Row, without: (row: Row, ...names: string[]) => Row): unknown {
  const parsed = JSON.parse(reasons as string) as Reason[];
  return parsed.map((reason) => ({ ...reason, query: without({ ...reason.query }, 'source') }));
}

function storeOf({ store, storeMissing }: App): EventStore {
  if (store === null) throw new Error(`no store: ${storeMissing}`);
  return store;
}
