import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CHDB, chdbPresent } from '../support/chdb.ts';
import { requires } from '../support/requires.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { decisionsIn } from './comparison.ts';
import { playScenario, type Scenario } from './guard-scenario.ts';
import { uninterrupted } from './run.ts';
import { makeWorkload } from './workload.ts';

/** So long that nothing is checkpointed before most of the traffic is read, and so long that nothing ever is. */
const LATE_MS = 4_000;
const NEVER_MS = 3_600_000;

/**
 * Each guard, switched off, must show in the check that the kill test makes; else that test would prove nothing about it.
 * Two guards that back each other up must both be off.
 */
const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'rows saved apart from the offset: what they had learned is lost': {
    off: ['checkpoint-in-one'],
    at: { point: 'guard', count: 1 },
    checkpointMs: LATE_MS,
    complaint: /^decision rows (missing|too many)/m,
  },
  'no token at the insert: its rows are stored twice': {
    off: ['store-token'],
    at: { point: 'insert.after', count: 1 },
    complaint: /^(events|decisions) stored/m,
  },
  'no intent before the insert: its rows are stored twice with what came behind them': {
    off: ['store-intent'],
    at: { point: 'insert.after', count: 1, until: 'log-grown' },
    complaint: /^(events|decisions) stored/m,
  },
  'idempotency key behind its lines: the repeated batch is taken twice': {
    off: ['key-with-lines'],
    at: { point: 'guard', count: 1 },
    complaint: /^distinct events stored/m,
  },
  'file position behind its lines, and repeats admitted: lines are stored twice': {
    off: ['position-with-lines', 'high-marks'],
    at: { point: 'guard', count: 1, until: 'stored' },
    complaint: /^events stored/m,
  },
  'file position behind its lines alone: the repeats are told by their positions': {
    off: ['position-with-lines'],
    at: { point: 'guard', count: 1, until: 'stored' },
    complaint: null,
  },
  'repeats admitted alone: files are not read twice in the first place': {
    off: ['high-marks'],
    at: { point: 'events.after', count: 2, until: 'stored' },
    complaint: null,
  },
  'decisions behind their checkpoint: they are lost': {
    off: ['decisions-first'],
    at: { point: 'guard', count: 1 },
    complaint: /^decision rows missing/m,
  },
  'decisions derived again and not told as repeats: they are stored twice': {
    off: ['decisions-once'],
    at: 'decided',
    checkpointMs: NEVER_MS,
    complaint: /^decisions stored against distinct ones/m,
  },
  'all guards on, everything derived again: nothing is stored twice': {
    off: [],
    at: 'decided',
    checkpointMs: NEVER_MS,
    complaint: null,
  },
};

describe('guards against loss and doubling', { ...requires(CHDB, chdbPresent()), concurrency: 3 }, () => {
  const directory = temporaryDirectory();
  const workload = makeWorkload({ seed: 3, lines: 3_000, identities: 60, rotations: 0 });
  let reference = '';
  before(async () => {
    reference = await uninterrupted(join(directory.path, 'reference'), workload);
    assert.ok(decisionsIn(reference) > 10);
  });
  after(() => directory.remove());

  for (const [index, [title, scenario]] of Object.entries(SCENARIOS).entries()) {
    test(title, async (t) => {
      const complaints = await playScenario(join(directory.path, `${index}`), workload, reference, scenario);
      for (const complaint of complaints) t.diagnostic(complaint.split('\n', 1)[0] ?? '');
      if (scenario.complaint === null) assert.deepEqual(complaints, []);
      else assert.match(complaints.join('\n'), scenario.complaint);
    });
  }
});
