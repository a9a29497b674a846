import assert from 'node:assert/strict';
import { test } from 'node:test';
import Value from 'typebox/value';
import { DEFAULT_POLICY, PolicySchema, RUNGS, rungsThatDoNotRise } from '../../schemas/policy.ts';

test('the default policy is what the schema fills in by itself', () => {
  assert.deepEqual(Value.Default(PolicySchema, { ladder: {}, learning: {} }), DEFAULT_POLICY);
  assert.ok(Value.Check(PolicySchema, DEFAULT_POLICY));
});

test('the default ladder rises, and its thresholds are the logarithms that they are said to be', () => {
  assert.deepEqual(rungsThatDoNotRise(DEFAULT_POLICY.ladder), []);
  // Odds of 1e2, 1e4, 1e5, 2.4e7 (24 ticks a day for a million identity-days) and 1e10, each to one decimal or whole nat.
  const odds = [1e2, 1e4, 1e5, 2.4e7, 1e10];
  for (const [index, rung] of RUNGS.entries()) {
    const nats = DEFAULT_POLICY.ladder[rung];
    assert.ok(Math.abs(nats - Math.log(odds[index] ?? 0)) < 0.05, `${rung} ${nats}`);
  }
});

test('each pair of rungs that is equal or falls is named, and an unknown threshold is passed over', () => {
  const ladder = { observe: 5, notify: 5, throttle: 11, revoke_session: 10, revoke_credential: 23 };
  assert.deepEqual(rungsThatDoNotRise(ladder), [
    { lower: 'observe', upper: 'notify' },
    { lower: 'throttle', upper: 'revoke_session' },
  ]);
  assert.deepEqual(rungsThatDoNotRise({ observe: 9 }), []);
});
