import { join } from 'node:path';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { decisionsIn } from './comparison.ts';
import { distributedRun } from './distributed-run.ts';
import { uninterrupted } from './run.ts';
import { makeWorkload } from './workload.ts';

// The long kill test of the distributed mode: `node dist/test/faults/distributed-long.js [kills of each role] [seed]`. Exit
// code 1 when anything is lost, doubled or decided otherwise.

const kills = Number(process.argv[2] ?? 50);
const seed = Number(process.argv[3] ?? 1);
const say = (text: string) => console.log(text);
const directory = temporaryDirectory();
const workload = makeWorkload({ seed, lines: 20_000, identities: 300, rotations: 0 });
const reference = await uninterrupted(join(directory.path, 'reference'), workload);
say(`uninterrupted: ${decisionsIn(reference)} decisions`);
const result = await distributedRun({
  ...{ directory: join(directory.path, 'distributed'), workload, reference, kills, seed, say },
});
say(`\n${result.outages} outages of broker or store, seed ${seed}`);
for (const [role, { byPlace, ...done }] of Object.entries(result.torments)) {
  say(`${role}: ${JSON.stringify(done)}`);
  for (const [place, count] of [...byPlace].sort()) say(`  ${place}: ${count}`);
}
if (result.complaints.length === 0) {
  say('nothing lost, nothing doubled, same rows and decisions as one embedded process');
  directory.remove();
} else {
  say(`WRONG:\n${result.complaints.join('\n')}\nthe data stay in ${directory.path}`);
  process.exitCode = 1;
}
