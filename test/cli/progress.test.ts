import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createProgress, progressLine } from '../../cli/progress.ts';

function terminal(isTTY: boolean, totalBytes: number | null, columns = 120) {
  const written: string[] = [];
  let nowMs = 1_000_000;
  const target = { isTTY, columns, write: (text: string) => written.push(text) };
  const progress = createProgress({ target, clock: { now: () => nowMs }, totalBytes });
  const wait = (ms: number): void => {
    nowMs += ms;
  };
  return { progress, written, wait };
}

test('nothing is written when the target is no terminal', () => {
  const { progress, written, wait } = terminal(false, 100);
  progress.update(1, 1);
  wait(1000);
  progress.update(100, 10);
  progress.finish();
  assert.deepEqual(written, []);
});

test('it draws at most ten times in any second, however often it is told', () => {
  const { progress, written, wait } = terminal(true, 10_000);
  for (let i = 0; i < 1000; i++) {
    progress.update(i, i);
    wait(1);
  }
  assert.equal(written.length, 10);
});

test('finish draws the last state once and ends the line', () => {
  const { progress, written, wait } = terminal(true, 2048);
  progress.update(0, 0);
  wait(2000);
  progress.update(2048, 3000);
  progress.finish();
  progress.finish();
  progress.update(5, 5);
  assert.equal(written.at(-1), '\n');
  assert.match(written.at(-2) ?? '', /100% {2}2\.0 KiB of 2\.0 KiB {2}1,500 lines\/s/);
  assert.equal(written.filter((text) => text === '\n').length, 1);
});

test('with a known size the line shows bar, share, bytes, lines a second and the time left', () => {
  // A quarter of the bytes in 10 s leaves 30 s; 40,000 lines in 10 s are 4,000 a second.
  const line = progressLine({ bytes: 1024 ** 2, lines: 40_000, totalBytes: 4 * 1024 ** 2, elapsedMs: 10_000 });
  assert.equal(line, '[######------------------]  25%  1.0 MiB of 4.0 MiB  4,000 lines/s  0:30 left');
  const long = progressLine({ bytes: 1, lines: 1, totalBytes: 3724, elapsedMs: 1000 });
  assert.ok(long.endsWith('  1:02:03 left'), long);
});

test('with an unknown size the line shows what was read', () => {
  assert.equal(progressLine({ bytes: 512, lines: 10, totalBytes: null, elapsedMs: 0 }), '512 B  0 lines/s');
});

test('a shorter line wipes the longer one before it, and no line is wider than the terminal', () => {
  const { progress, written, wait } = terminal(true, null, 16);
  progress.update(1024 ** 2 - 1, 1);
  wait(100);
  progress.update(10, 1);
  const [first = '', second = ''] = written;
  assert.equal(first.length, 16);
  assert.equal(second.length, 16);
  assert.match(second, /^\r10 B {2}10 lines/);
});

test('any state gives a line in bounds, also a file that grew while it was read', () => {
  const amount = fc.nat({ max: 2 ** 31 - 1 });
  fc.assert(
    fc.property(amount, amount, fc.option(amount), amount, (bytes, lines, totalBytes, elapsedMs) => {
      const line = progressLine({ bytes, lines, totalBytes, elapsedMs });
      assert.ok(line.length < 120 && !/NaN|Infinity|undefined|-\d/.test(line.replace(/^\[[#-]+\]/, '')), line);
    }),
  );
});
