import assert from 'node:assert/strict';

/** Fails unless |actual - expected| <= relative |expected| + absolute. `at` says which point it was. */
export function assertClose(actual: number, expected: number, relative: number, absolute: number, at: unknown): void {
  const error = Math.abs(actual - expected);
  assert.ok(
    error <= relative * Math.abs(expected) + absolute,
    `${actual} is not ${expected} (off by ${error}) at ${JSON.stringify(at)}`,
  );
}
