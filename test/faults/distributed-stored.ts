import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { openServerStore } from '../../platform/store/server.ts';
import { dumpComplaints } from './comparison.ts';
import { countRows, dumpRows } from './stored-rows.ts';
import type { Workload } from './workload.ts';

const SETTLE_MAX_MS = 180_000;
const LOOK_MS = 1_000;
/** Right must stay right for so long: a repeat that comes late would be too much. */
const QUIET_MS = 4_000;

/**
 * Waits until what is stored is what it should be, and stays so; says what is wrong when that takes too long. `reference`:
 * dump of the uninterrupted embedded run. `goesOn` false ends the waiting.
 */
export async function storedComplaints(options: {
  readonly directory: string;
  readonly url: string;
  readonly workload: Workload;
  readonly reference: string;
  goesOn(): boolean;
}): Promise<string[]> {
  const { directory, workload } = options;
  const store = await openServerStore({
    ...{ url: options.url, database: 'gatewatch', username: 'default', password: null, tls: null, cluster: null },
  });
  const dump = join(directory, 'dump.ndjson');
  const expected = join(directory, 'expected.ndjson');
  writeFileSync(expected, withoutPlaces(options.reference));
  const accepted =
    workload.files.flatMap(({ lines }) => lines).filter((line) => line.accepted).length +
    workload.clients.flatMap(({ batches }) => batches).reduce((sum, batch) => sum + batch.accepted, 0);

  async function look(): Promise<string[]> {
    const { events, distinctEvents, decisions, distinctDecisions, rolledUp } = await countRows(store);
    if (events !== accepted || distinctEvents !== accepted) {
      return [`${events} events stored, ${distinctEvents} distinct, of ${accepted}`];
    }
    if (rolledUp !== accepted) return [`${rolledUp} requests in the roll-up, of ${accepted}`];
    if (decisions !== distinctDecisions) return [`${decisions} decisions, ${distinctDecisions} distinct`];
    await dumpRows(store, dump);
    writeFileSync(dump, withoutPlaces(dump));
    return dumpComplaints(dump, expected);
  }

  try {
    const deadline = Date.now() + SETTLE_MAX_MS;
    for (;;) {
      let complaints = await look();
      if (complaints.length === 0) {
        await wait(QUIET_MS);
        complaints = await look();
        if (complaints.length > 0) return ['right at first, then:', ...complaints];
      }
      if (complaints.length === 0 || !options.goesOn() || Date.now() > deadline) return complaints;
      await wait(LOOK_MS);
    }
  } finally {
    await store.close();
  }
}

/** A dump without sources and positions, sorted: raw topics count otherwise than files. */
function withoutPlaces(path: string): string {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  const places = new Set(['source', 'position']);
  return lines
    .map(
      (line) =>
        `${JSON.stringify(JSON.parse(line), (name, value: unknown) => (places.has(name) ? undefined : value))}\n`,
    )
    .sort()
    .join('');
}
