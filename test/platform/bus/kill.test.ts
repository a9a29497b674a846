import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { type EmbeddedBus, openEmbeddedBus } from '../../../platform/bus/embedded.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const KILLS = 12;
const CHILD = join(import.meta.dirname, 'append-until-killed.js');

test('embedded bus: SIGKILL in the middle of appends loses nothing acknowledged and leaves no part of an append', async () => {
  const directory = temporaryDirectory();
  let acknowledged = -1;
  try {
    for (let round = 0; round < KILLS; round++) {
      const child = spawn(process.execPath, [CHILD, directory.path], { stdio: ['ignore', 'pipe', 'inherit'] });
      // A different moment in each round.
      acknowledged = Math.max(acknowledged, await killAfter(child, 3 + round * 4));
      const bus = await openEmbeddedBus({
        directory: directory.path,
        capBytes: 100e6,
        partitions: { events: 4, decisions: 2, 'dead-letter': 1 },
        durability: 'default',
      });
      try {
        await check(bus, acknowledged);
      } finally {
        await bus.close();
      }
    }
    assert.ok(acknowledged > KILLS);
  } finally {
    directory.remove();
  }
});

/** Kills the child once it has told so many appends, and gives the highest number that it told. */
async function killAfter(child: ChildProcess, lines: number): Promise<number> {
  let told = '';
  child.stdout?.setEncoding('latin1').on('data', (text: string) => {
    told += text;
    if (told.split('\n').length > lines) child.kill('SIGKILL');
  });
  const [, signal] = await once(child, 'close');
  assert.equal(signal, 'SIGKILL');
  const whole = told.slice(0, told.lastIndexOf('\n')).split('\n');
  return Math.max(...whole.map(Number));
}

async function check(bus: EmbeddedBus, acknowledged: number): Promise<void> {
  const events = await numbersOf(bus, 'events');
  const decisions = await numbersOf(bus, 'decisions');
  const mark = Number(bus.getMark('source') ?? -1);
  assert.ok(mark >= acknowledged, `acknowledged ${acknowledged}, stored ${mark}`);
  // Numbers are appended in rising order, so what is stored is exactly 0 to the mark, in both topics.
  const expected = Array.from({ length: mark + 1 }, (_, n) => n);
  assert.deepEqual(events, expected);
  assert.deepEqual(decisions, expected);
  assert.ok(((await bus.committed('g', 'events', 0)) ?? 0) <= (await bus.endOffset('events', 0)));
}

/** The numbers of all records of a topic; fails on a gap in the offsets or a damaged record. */
async function numbersOf(bus: EmbeddedBus, topic: 'events' | 'decisions'): Promise<number[]> {
  const numbers: number[] = [];
  for (let partition = 0; partition < bus.partitions(topic); partition++) {
    const records = await bus.read(topic, partition, 0, Number.MAX_SAFE_INTEGER);
    assert.equal(records.length, await bus.endOffset(topic, partition));
    for (const [i, { offset, value }] of records.entries()) {
      assert.equal(offset, i);
      const n = Number.parseInt(value.toString('latin1', 0, 20), 10);
      assert.ok(value.equals(Buffer.alloc(value.length, `${n};`)));
      numbers.push(n);
    }
  }
  return numbers.sort((a, b) => a - b);
}
