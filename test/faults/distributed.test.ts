import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { chdbPresent } from '../support/chdb.ts';
import { kafkaPresent } from '../support/kafka/installation.ts';
import { requires } from '../support/requires.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { decisionsIn } from './comparison.ts';
import { distributedRun } from './distributed-run.ts';
import { uninterrupted } from './run.ts';
import { makeWorkload } from './workload.ts';

/** Of each role. The long form is distributed-long.ts. */
const KILLS = 2;
const SEED = 11;

test(
  'killed, stopped and cut off again and again, distributed processes store each line once and decide as one embedded process',
  requires('Kafka and chdb', kafkaPresent() && chdbPresent()),
  async (t) => {
    const directory = temporaryDirectory();
    try {
      const workload = makeWorkload({ seed: SEED, lines: 6_000, identities: 120, rotations: 0 });
      const reference = await uninterrupted(join(directory.path, 'reference'), workload);
      assert.ok(decisionsIn(reference) > 30);
      const { complaints, torments, outages } = await distributedRun({
        directory: join(directory.path, 'distributed'),
        ...{ workload, reference, kills: KILLS, seed: SEED },
        say: (text) => t.diagnostic(text),
      });
      for (const [role, { byPlace, ...done }] of Object.entries(torments)) {
        t.diagnostic(`${role}: ${JSON.stringify(done)} ${JSON.stringify(Object.fromEntries(byPlace))}`);
      }
      t.diagnostic(`${outages} outages`);
      assert.deepEqual(complaints, []);
    } finally {
      directory.remove();
    }
  },
);
