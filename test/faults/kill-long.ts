import { join } from 'node:path';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { decisionsIn } from './comparison.ts';
import { killRun } from './kill.ts';
import { uninterrupted } from './run.ts';
import { makeWorkload } from './workload.ts';

// The long kill test: `node dist/test/faults/kill-long.js [kills] [seed]`. Exit code 1 when anything is lost or doubled.

/** Fewer would make the comparison of decisions say little. */
const DECISIONS_MIN = 200;

const kills = Number(process.argv[2] ?? 200);
const seed = Number(process.argv[3] ?? 1);
const say = (text: string) => console.log(text);
const directory = temporaryDirectory();
const workload = makeWorkload({ seed, lines: 45_000, identities: 400, rotations: 12 });
say(`data in ${directory.path}`);
const reference = await uninterrupted(join(directory.path, 'reference'), workload);
if (decisionsIn(reference) < DECISIONS_MIN) throw new Error('too few decisions to compare');
say(`uninterrupted: ${decisionsIn(reference)} decisions`);
const { byPlace, checks, complaints, ...done } = await killRun({
  ...{ directory: join(directory.path, 'killed'), workload, reference, kills, seed, say },
});
say(`\n${done.kills} kills, ${checks} checks, seed ${seed}`);
for (const [place, count] of [...byPlace].sort()) say(`  ${place}: ${count}`);
if (complaints.length === 0) {
  say('nothing lost, nothing doubled, same rows and decisions as without kills');
  directory.remove();
} else {
  say(`WRONG:\n${complaints.join('\n')}\nthe data stay in ${directory.path}`);
  process.exitCode = 1;
}
