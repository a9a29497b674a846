import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { CHDB, chdbPresent } from '../support/chdb.ts';
import { requires } from '../support/requires.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { decisionsIn } from './comparison.ts';
import { killRun } from './kill.ts';
import { uninterrupted } from './run.ts';
import { makeWorkload } from './workload.ts';

/** The long form is kill-long.ts. */
const KILLS = 16;
const SEED = 7;

test(
  'killed again and again, anywhere, the program stores each line once and decides as if it had never been killed',
  requires(CHDB, chdbPresent()),
  async (t) => {
    const directory = temporaryDirectory();
    try {
      const workload = makeWorkload({ seed: SEED, lines: 8_000, identities: 160, rotations: 6 });
      const reference = await uninterrupted(join(directory.path, 'reference'), workload);
      assert.ok(decisionsIn(reference) > 30);
      const { complaints, byPlace } = await killRun({
        directory: join(directory.path, 'killed'),
        ...{ workload, reference, kills: KILLS, seed: SEED },
        say: (text) => t.diagnostic(text),
      });
      t.diagnostic(JSON.stringify(Object.fromEntries(byPlace)));
      assert.deepEqual(complaints, []);
    } finally {
      directory.remove();
    }
  },
);
