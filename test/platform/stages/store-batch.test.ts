import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Bus, EventStore } from '../../../platform/ports.ts';
import type { Retry } from '../../../platform/stages/retry.ts';
import { storeBatch } from '../../../platform/stages/store-batch.ts';
import { GatewatchError } from '../../../schemas/errors.ts';
import { createMemoryBus } from '../../support/memory-bus.ts';
import { NO_METRICS, QUIET_LOG } from '../../support/sources-rig.ts';

const LINES = 501;
const place = { source: '1', position: 0, received: 0, format: 'event-row' };
const once: Retry = (_what, run) => run();

test('the last dead letters of a batch become durable with its commit, those before them earlier', async () => {
  const inner = createMemoryBus(1);
  const writes: unknown[] = [];
  const bus: Bus = {
    ...inner,
    async append(records, marks, options) {
      writes.push({ append: records.length, marks: marks ?? [] });
      return inner.append(records, marks, options);
    },
    async commit(group, topic, partition, next, marks = [], records = []) {
      writes.push({ commit: next, marks: marks.map(({ key }) => key), records: records.length });
      return inner.commit(group, topic, partition, next, marks, records);
    },
  };
  const store: EventStore = {
    migrate: async () => {},
    async insert() {
      throw new GatewatchError('store_unavailable', 'refused');
    },
    query: async () => [],
    ping: async () => {},
    close: async () => {},
  };
  const rows = Buffer.from('[]\n'.repeat(LINES));
  const insert = { table: 'events', columns: [], rows, lines: LINES, describe: () => place } as const;
  await inner.append([{ topic: 'events', partition: 0, value: Buffer.from('x') }]);
  await storeBatch(
    { bus, store, log: QUIET_LOG, metrics: NO_METRICS, topic: 'events', group: 'store', generation: 'g' },
    once,
    { partition: 0, first: 0, next: 1, inserts: [insert], marks: null, repeats: null },
  );
  const intent = { commit: 0, marks: ['store/events/0/intent'], records: 0 };
  assert.deepEqual(writes, [
    intent,
    // Once more: the table is stored in pieces from here on.
    intent,
    { append: 500, marks: [] },
    { commit: 1, marks: ['store/events/0/state'], records: 1 },
  ]);
  assert.equal(await bus.endOffset('dead-letter', 0), LINES);
});
