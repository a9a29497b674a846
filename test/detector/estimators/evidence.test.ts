import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lnEvidence } from '../../../detector/estimators/evidence.ts';
import { assertClose } from '../assert-close.ts';
import { readVectors } from '../read-vectors.ts';

test('evidence agrees with 60-digit values to 1e-15, from p = 1 - 1e-12 to ln p = -690', () => {
  for (const [lnP, expected] of readVectors<[number, number]>('evidence')) {
    assertClose(lnEvidence(lnP), expected, 1e-15, 1e-15, lnP);
  }
});

test('p = 1, and what cannot be a p-value, is evidence 1/2 against suspicion', () => {
  for (const lnP of [0, -0, 1e-16, 5, Number.NaN]) assert.equal(lnEvidence(lnP), -Math.LN2);
});

test('evidence never falls when p falls', () => {
  const lnP = fc.double({ min: -690, max: 0, noNaN: true });
  fc.assert(
    fc.property(lnP, lnP, (u, v) => {
      assert.ok(lnEvidence(Math.min(u, v)) >= lnEvidence(Math.max(u, v)) - 1e-14);
    }),
    { numRuns: 2000 },
  );
  // Across the seam of the two forms.
  assertClose(lnEvidence(-1 - 1e-15), lnEvidence(-1 + 1e-15), 0, 1e-14, 'seam');
});

test('under a uniform p the expected evidence is 1', () => {
  // Midpoint rule in v = -ln p: the integral of e(p) dp = e(exp(-v)) exp(-v) dv; the part beyond v = V is 1/V + 1/V e^-V..., by
  // the closed form e(p) p = 1/v^2 for large v.
  const end = 2000;
  const step = 0.005;
  let sum = 0;
  for (let v = step / 2; v < end; v += step) sum += Math.exp(lnEvidence(-v) - v) * step;
  assertClose(sum + 1 / end, 1, 0, 1e-5, 'integral');
});
