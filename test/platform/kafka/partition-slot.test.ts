import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSlot, type FetchedRecord } from '../../../platform/kafka/partition-slot.ts';
import { GatewatchError } from '../../../schemas/errors.ts';
import { until } from './refusal.ts';

const lost = () => new GatewatchError('partition_lost', 'somebody else has it');

/** A slot whose calls are kept, in order. */
function slotOf(options: {
  onRecords?: (offsets: number[]) => Promise<void>;
  start?: () => number;
  isLost?: () => boolean;
}) {
  const calls: string[] = [];
  const slot = createSlot({
    partition: 7,
    async onAssign() {
      calls.push('assign');
      return options.start?.() ?? 0;
    },
    async onRecords(_, records: readonly FetchedRecord[]) {
      const offsets = records.map(({ offset }) => offset);
      calls.push(`records ${offsets}`);
      await options.onRecords?.(offsets);
    },
    async onRevoke() {
      calls.push('revoke');
    },
    isLost: options.isLost ?? (() => false),
    onTrouble: () => undefined,
    onGap: (_, from, to) => void calls.push(`gap ${from} ${to}`),
    bounds: async () => ({ start: 2, end: 5 }),
    seek: (offset) => void calls.push(`seek ${offset}`),
    pause: () => undefined,
    resume: () => undefined,
    die: (error) => void calls.push(`die ${error}`),
  });
  return { slot, calls };
}

const messages = (...offsets: number[]) =>
  offsets.map((offset) => ({
    offset: String(offset),
    timestamp: '0',
    key: null,
    value: Buffer.from('x'),
    attributes: 0,
    headers: {},
  }));

test('a slot whose work is refused as lost is revoked, assigned anew and reads again, also when nothing is queued', async () => {
  let refuse = true;
  const { slot, calls } = slotOf({
    async onRecords() {
      if (refuse) {
        refuse = false;
        throw lost();
      }
    },
  });
  await slot.begin();
  slot.push(messages(0, 1));
  await until(() => calls.filter((call) => call === 'assign').length === 2);
  await until(() => calls.at(-1) === 'seek 0');
  slot.push(messages(0, 1));
  await slot.leave();
  assert.deepEqual(calls, ['assign', 'seek 0', 'records 0,1', 'revoke', 'assign', 'seek 0', 'records 0,1', 'revoke']);
});

test('a slot drops nothing and repeats nothing when fetches overlap', async () => {
  const { slot, calls } = slotOf({});
  await slot.begin();
  slot.push(messages(0, 1));
  slot.push(messages(1, 4));
  await until(() => calls.some((call) => call.endsWith('4')));
  await slot.leave();
  assert.deepEqual(
    calls
      .filter((call) => call.startsWith('records'))
      .join()
      .replaceAll('records ', '')
      .split(','),
    ['0', '1', '4'],
  );
});

test('a slot says which records are gone, and goes on at the first that is there', async () => {
  const { slot, calls } = slotOf({});
  await slot.begin();
  await slot.outOfRange();
  await slot.leave();
  assert.deepEqual(calls, ['assign', 'seek 0', 'gap 0 2', 'seek 2', 'revoke']);
});

test('a slot that is beyond the end of its log reads it again from its start', async () => {
  const { slot, calls } = slotOf({ start: () => 9 });
  await slot.begin();
  await slot.outOfRange();
  slot.push(messages(2, 3));
  await until(() => calls.includes('records 2,3'));
  await slot.leave();
  assert.deepEqual(calls, ['assign', 'seek 9', 'gap 9 2', 'seek 2', 'records 2,3', 'revoke']);
});

test('a slot that could not be revoked in order is given away all the same', async () => {
  const failing = createSlot({
    partition: 0,
    onAssign: async () => 0,
    onRecords: async () => undefined,
    onRevoke: () => Promise.reject(lost()),
    isLost: () => false,
    onTrouble: () => undefined,
    onGap: () => undefined,
    bounds: async () => ({ start: 0, end: 0 }),
    seek: () => undefined,
    pause: () => undefined,
    resume: () => undefined,
    die: () => assert.fail('a refused commit is no fault'),
  });
  await failing.begin();
  await failing.leave();
});
