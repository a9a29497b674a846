import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEventBatch, HIGH_MARKS_MAX } from '../../../platform/stages/event-batch.ts';
import { encodeControl, encodeHeader } from '../../../schemas/block.ts';
import { EVENT_COLUMN_NAMES, EVENT_SCHEMA_VERSION } from '../../../schemas/columns.ts';
import { DEFAULT_POLICY } from '../../../schemas/policy.ts';
import { blockOf, type PlacedEvent, placedLine, ROW_COLUMNS } from '../../support/store-blocks.ts';

const quiet = { marks: null, onRepeats: () => {} };
const at = (source: string, position: number): PlacedEvent => ({ source, position, who: 'w', timeMs: 0 });

test('each line keeps its bytes, and its receipt stands in front: received, partition, offset, source', () => {
  const batch = createEventBatch(quiet);
  const odd: PlacedEvent = { ...at('8', 3), raw: '[3,"default",  "\\u0041é😀"]' };
  batch.add({ partition: 5, offset: 77, value: blockOf([at('18446744073709551615', 0), odd], 1_700_000_000_123) });
  assert.equal(batch.rows, 2);
  const [insert] = batch.take();
  const first = `[1700000000123,5,77,18446744073709551615,${placedLine(at('', 0)).slice(1)}\n`;
  assert.equal(insert?.rows.toString(), `${first}[1700000000123,5,77,8,3,"default",  "\\u0041é😀"]\n`);
  assert.deepEqual([insert?.table, insert?.columns, insert?.lines], ['events', ROW_COLUMNS, 2]);
  const facts = insert?.describe(Buffer.from(first));
  assert.deepEqual(facts, {
    source: '18446744073709551615',
    position: 0,
    received: 1_700_000_000_123,
    format: 'event-row',
  });
  assert.deepEqual([batch.rows, batch.bytes, batch.take()], [0, 0, []]);
});

test('repeats are left out and counted, also across batches and across a restart from the marks', () => {
  const repeats: number[] = [];
  const onRepeats = (lines: number) => repeats.push(lines);
  const batch = createEventBatch({ marks: null, onRepeats });
  batch.add({ partition: 0, offset: 0, value: blockOf([at('1', 0), at('1', 1)]) });
  batch.take();
  batch.add({ partition: 0, offset: 1, value: blockOf([at('1', 1), at('1', 2), at('2', 0)]) });
  assert.equal(batch.rows, 2);
  const restarted = createEventBatch({ marks: JSON.parse(JSON.stringify(batch.marks())), onRepeats });
  restarted.add({
    partition: 0,
    offset: 2,
    value: blockOf([at('1', 0), at('1', 1), at('1', 2), at('2', 0), at('2', 1)]),
  });
  assert.equal(restarted.rows, 1);
  assert.deepEqual(repeats, [1, 4]);
});

test('a control line adds nothing and can stand between blocks', () => {
  const batch = createEventBatch(quiet);
  const control = encodeControl({ type: 'configure', policy: DEFAULT_POLICY, priors: 1, calibration: 1 }, 1, 0);
  for (const value of [control, blockOf([at('1', 0)]), control, blockOf([at('1', 1)])]) {
    assert.equal(batch.add({ partition: 0, offset: 0, value }), true);
  }
  assert.equal(batch.rows, 2);
});

test('lines of another column list wait for the next insert', () => {
  const batch = createEventBatch(quiet);
  batch.add({ partition: 0, offset: 0, value: blockOf([at('1', 0)]) });
  const columns = [...EVENT_COLUMN_NAMES, 'new_column'];
  const runs = [{ source: '1', first: 1, last: 1, count: 1 }];
  const header = { v: EVENT_SCHEMA_VERSION, epoch: 1, received: 0, clock: null, columns, runs };
  const other = { partition: 0, offset: 1, value: Buffer.from(`${encodeHeader(header)}[1,"x"]\n`) };
  assert.equal(batch.add(other), false);
  assert.equal(batch.take()[0]?.lines, 1);
  assert.equal(batch.add(other), true);
  assert.deepEqual(batch.take()[0]?.columns, [...ROW_COLUMNS, 'new_column']);
});

test('the marks stay bounded: the sources that were silent longest are forgotten first', () => {
  const batch = createEventBatch(quiet);
  const put = (source: number) => batch.add({ partition: 0, offset: 0, value: blockOf([at(String(source), 9)]) });
  put(0);
  for (let source = 1; source <= HIGH_MARKS_MAX; source++) put(source);
  batch.add({ partition: 0, offset: 0, value: blockOf([at('1', 10)]) });
  const marks = batch.marks() as [string, number][];
  assert.equal(marks.length, HIGH_MARKS_MAX);
  assert.deepEqual(marks.at(-1), ['1', 10]);
  assert.ok(!marks.some(([source]) => source === '0'));
});
