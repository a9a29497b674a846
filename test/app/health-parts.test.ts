import assert from 'node:assert/strict';
import { test } from 'node:test';
import { healthParts, measureLog, storeLag } from '../../app/health-parts.ts';
import type { Intake, Pause } from '../../ingest/intake.ts';
import type { Bus } from '../../platform/ports.ts';
import { GatewatchError } from '../../schemas/errors.ts';
import { createMemoryBus } from '../support/memory-bus.ts';

const intake = (paused: Pause | null): Intake => ({
  accept: () => Promise.reject(new Error('not asked for')),
  paused: () => paused,
  pendingBytes: () => 0,
  close: async () => {},
});

const part = async (name: string, bus: Bus, paused: Pause | null = null) =>
  (await healthParts({ bus, intake: intake(paused), store: null, stages: ['detector'] })).find(
    (one) => one.name === name,
  );

const away = new GatewatchError('bus_unavailable', 'no broker answers', { transient: true });

test('the part of the log tells its size when that is ours to watch, and the trouble of the bus', async () => {
  const bus = createMemoryBus(1);
  const whole = { bytes: 0, cap_bytes: Number.MAX_SAFE_INTEGER };
  assert.deepEqual(await part('log', bus), { name: 'log', ok: true, details: whole });
  assert.deepEqual(await part('log', { ...bus, usage: () => null }), { name: 'log', ok: true });
  const trouble = await part('log', { ...bus, usage: () => null, trouble: () => 'no broker answers' });
  assert.deepEqual(trouble, { name: 'log', ok: false, why: 'no broker answers' });
});

test('a pause of the intake comes with advice, or with what the bus said', async () => {
  const bus = createMemoryBus(1);
  const full = await part('intake', bus, { cause: 'log_full', why: 'the log is full' });
  assert.match(full?.why ?? '', /log\.cap_bytes/);
  const gone = await part('intake', bus, { cause: 'bus_unavailable', why: 'no broker answers' });
  assert.deepEqual([gone?.ok, gone?.why], [false, 'no broker answers']);
});

test('the lag is what stands on the bus behind the committed offset', async () => {
  const bus = createMemoryBus(2);
  const value = Buffer.from('x');
  const records = [0, 0, 1].map((partition) => ({ topic: 'events' as const, partition, value }));
  await bus.append([...records, { topic: 'decisions', partition: 1, value }]);
  await bus.commit('store', 'events', 0, 1);
  assert.equal(await storeLag(bus), 3);
  assert.deepEqual((await part('detector', bus))?.details, { lag_records: 3 });
});

test('health and metrics answer while the bus is away', async () => {
  const bus: Bus = { ...createMemoryBus(1), usage: () => null, endOffset: () => Promise.reject(away) };
  assert.deepEqual(await part('detector', bus), { name: 'detector', ok: false, why: 'no broker answers' });
  const gauged: string[] = [];
  await measureLog(bus, { count() {}, gauge: (name) => gauged.push(name) });
  assert.deepEqual(gauged, []);
});
