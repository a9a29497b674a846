import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commitOutcome } from '../../../platform/lmdb/commit-outcome.ts';

test('a settled commit is told as it is', async () => {
  const error = new Error('no room');
  assert.equal(await commitOutcome(Promise.resolve(true), 60_000), true);
  assert.equal(await commitOutcome(Promise.resolve(false), 60_000), false);
  assert.deepEqual(await commitOutcome(Promise.reject(error), 60_000), { error });
});

test('a commit that never settles is late, and what comes after the deadline changes nothing', async () => {
  let reject: (error: Error) => void = () => undefined;
  const commit = new Promise<boolean>((_, fail) => {
    reject = fail;
  });
  // The timer of commitOutcome does not keep the process alive by itself.
  const alive = setInterval(() => undefined, 1_000);
  const outcome = commitOutcome(commit, 1);
  assert.equal(await outcome, 'late');
  clearInterval(alive);
  reject(new Error('too late'));
  assert.equal(await outcome, 'late');
});
