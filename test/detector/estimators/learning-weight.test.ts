import assert from 'node:assert/strict';
import { test } from 'node:test';
import { learningWeight } from '../../../detector/estimators/learning-weight.ts';

test('an identity without evidence teaches fully, one under suspicion little, and never nothing', () => {
  assert.equal(learningWeight(0), 1);
  assert.equal(learningWeight(-7), 1);
  // e^-1 and e^-2.
  assert.ok(Math.abs(learningWeight(3) - 0.36787944117144233) < 1e-15);
  assert.ok(Math.abs(learningWeight(6) - 0.1353352832366127) < 1e-15);
  assert.equal(learningWeight(17), 0.02);
  assert.equal(learningWeight(Number.POSITIVE_INFINITY), 0.02);
  assert.equal(learningWeight(Number.NaN), 0.02);
});
