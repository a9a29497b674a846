import { readFileSync } from 'node:fs';
import type { Counts } from './child-protocol.ts';
import type { Sent } from './traffic.ts';

/** Differences of one kind that are shown. */
const SHOWN_MAX = 3;
const SHOWN_CHARACTERS = 700;

/** What is wrong with these counts, after so much was sent and everything is stored; empty when nothing is. */
export function countComplaints(counts: Counts, sent: Sent): string[] {
  const complaints: string[] = [];
  const expect = (what: string, found: number, expected: number) => {
    if (found !== expected) complaints.push(`${what}: ${found}, expected ${expected}`);
  };
  expect('events stored', counts.events, sent.accepted);
  expect('distinct events stored', counts.distinctEvents, sent.accepted);
  expect('requests in the roll-up', counts.rolledUp, sent.accepted);
  expect('decisions stored against distinct ones', counts.decisions, counts.distinctDecisions);
  expect('dead letters', counts.deadLettered, sent.deadLettered);
  return complaints;
}

/** How two dumps of the store (stored-rows.ts) differ, per kind of row; empty when they are the same. */
export function dumpComplaints(dump: string, reference: string): string[] {
  const surplus = new Map<string, number>();
  for (const line of linesOf(dump)) surplus.set(line, (surplus.get(line) ?? 0) + 1);
  for (const line of linesOf(reference)) surplus.set(line, (surplus.get(line) ?? 0) - 1);
  const complaints: string[] = [];
  for (const kind of ['event', 'decision', 'evidence']) {
    const ofKind = [...surplus].filter(([line]) => line.startsWith(`["${kind}"`));
    complain(complaints, `${kind} rows missing`, ofKind, (count) => -count);
    complain(complaints, `${kind} rows too many`, ofKind, (count) => count);
  }
  return complaints;
}

function complain(
  complaints: string[],
  what: string,
  surplus: readonly (readonly [string, number])[],
  of: (count: number) => number,
): void {
  const wrong = surplus.filter(([, count]) => of(count) > 0);
  if (wrong.length === 0) return;
  const total = wrong.reduce((sum, [, count]) => sum + of(count), 0);
  const shown = wrong.slice(0, SHOWN_MAX).map(([line]) => `\n    ${line.slice(0, SHOWN_CHARACTERS)}`);
  complaints.push(`${what}: ${total}${shown.join('')}`);
}

/** Decisions of a dump: without any, the comparison would say little. */
export function decisionsIn(dump: string): number {
  return linesOf(dump).filter((line) => line.startsWith('["decision"')).length;
}

function linesOf(path: string): string[] {
  return readFileSync(path, 'utf8').trimEnd().split('\n');
}
