import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createIdempotencyKeys } from '../../../ingest/sources/idempotency.ts';
import type { AppendOptions } from '../../../platform/ports.ts';
import { GatewatchError } from '../../../schemas/errors.ts';
import { assertProblem, httpIngestRig } from '../../support/http-ingest-rig.ts';

describe('HTTP source on a bus that other processes write to', () => {
  const rig = httpIngestRig();
  const key = { 'idempotency-key': 'k1' };

  test('a key that another process has made durable is known before its request is answered', async () => {
    const keys = createIdempotencyKeys({ bus: rig.bus, clock: { now: () => rig.nowMs }, sourceName: 'push' });
    const name = keys.name('k1') as string;
    const result = { lines: 7, accepted: 7, dropped: 0, deadLettered: 0 };
    rig.bus.syncMarks = () => rig.bus.append([], keys.marks(name, result));
    const answer = await rig.post('n1\n', key);
    assert.equal(answer.headers['idempotency-replayed'], 'true');
    assert.equal(answer.json().accepted, 7);
    assert.deepEqual(rig.lines(), []);
  });

  test('a request without a key does not wait for the marks', async () => {
    rig.bus.syncMarks = () => Promise.reject(new Error('asked in vain'));
    assert.equal((await rig.post('n1\n')).statusCode, 200);
  });

  test('while the marks cannot be had a request with a key gets 503 with Retry-After, and its lines are not taken', async () => {
    rig.bus.syncMarks = () => Promise.reject(new GatewatchError('bus_unavailable', 'away', { transient: true }));
    const answer = await rig.post('n1\n', key);
    assertProblem(answer, 503);
    assert.match(String(answer.headers['retry-after']), /^\d+$/);
    assert.deepEqual(rig.lines(), []);
  });

  test('lines with a key become durable with it or not at all', async () => {
    const seen: (AppendOptions | undefined)[] = [];
    const append = rig.bus.append;
    rig.bus.append = (records, marks, options) => {
      seen.push(options);
      return append(records, marks, options);
    };
    await rig.post('n1\n');
    await rig.post('n2\n', key);
    assert.deepEqual(
      seen.map((options) => options?.atomic ?? false),
      [false, true],
    );
  });
});
