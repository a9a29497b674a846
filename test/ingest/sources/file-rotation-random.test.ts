import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  openSync,
  renameSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Intake } from '../../../ingest/intake.ts';
import { createFileSource, type FileSource } from '../../../ingest/sources/file.ts';
import { createSourcesMemoryBus, type SourcesMemoryBus } from '../../support/sources-memory-bus.ts';
import { NO_METRICS, QUIET_LOG, storedLines, TEST_FORMAT, testIntake } from '../../support/sources-rig.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

/** What writer and operator do, one after another, with pauses of some milliseconds between. */
const action = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('write' as const), lines: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('write half' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('write much' as const), lines: fc.integer({ min: 1_000, max: 6_000 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('rename' as const), late: fc.integer({ min: 0, max: 5 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('copy and cut' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('renumber' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('stop' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('kill' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('start' as const) }) },
);
const script = fc.array(fc.record({ action, pauseMs: fc.constantFrom(0, 0, 0, 3, 10, 40) }), {
  minLength: 20,
  maxLength: 80,
  size: 'max',
});

/** Appends numbered lines to a log and rotates it. Everything is synchronous, so a copy and the cut after it are one step. */
function createWriter(path: string) {
  let next = 0;
  let rotations = 0;
  let half = '';
  const lines: string[] = [];
  const rotated: string[] = [];

  function newLine(): string {
    const line = `n${next} ${'x'.repeat(next % 97)}`;
    next += 1;
    lines.push(line);
    return `${line}\n`;
  }

  function completeHalf(): void {
    if (half !== '') appendFileSync(path, half);
    half = '';
  }

  return {
    lines,
    write(count: number) {
      completeHalf();
      let text = '';
      for (let i = 0; i < count; i++) text += newLine();
      appendFileSync(path, text);
    },
    writeHalf() {
      completeHalf();
      const line = newLine();
      appendFileSync(path, line.slice(0, 3));
      half = line.slice(3);
    },
    rename(late: number) {
      completeHalf();
      const name = `${path}.${++rotations}`;
      const worker = openSync(path, 'a');
      renameSync(path, name);
      rotated.push(name);
      writeFileSync(path, newLine());
      // A worker that has not reopened the log yet.
      for (let i = 0; i < late; i++) writeSync(worker, newLine());
      closeSync(worker);
    },
    copyAndCut() {
      completeHalf();
      const name = `${path}.${++rotations}`;
      copyFileSync(path, name);
      truncateSync(path);
      rotated.push(name);
    },
    renumber() {
      const name = rotated.pop();
      if (name !== undefined) renameSync(name, `${path}.${++rotations}`);
    },
  };
}

test('every line of a log that is rotated at will, while the source is stopped, killed and started at will, comes once', {
  timeout: 120_000,
}, async () => {
  let rotationsRead = 0;
  await fc.assert(
    fc.asyncProperty(script, async (steps) => {
      const folder = temporaryDirectory();
      const path = join(folder.path, 'access.log');
      const writer = createWriter(path);
      writer.write(1);
      let bus: SourcesMemoryBus = createSourcesMemoryBus({ delayMs: () => Math.random() * 4 });
      let running: { source: FileSource; intake: Intake } | null = null;

      async function start(): Promise<FileSource> {
        if (running !== null) return running.source;
        const intake = testIntake(bus);
        const source = createFileSource({
          name: 'web',
          path,
          format: TEST_FORMAT,
          from: 'beginning',
          intake,
          bus,
          clock: { now: () => Date.now() },
          log: QUIET_LOG,
          metrics: NO_METRICS,
          pollMs: 5,
          graceMs: 5,
          lingerMs: 60,
        });
        running = { source, intake };
        await source.start();
        return source;
      }

      async function stop(kill: boolean): Promise<void> {
        if (running === null) return;
        const { source, intake } = running;
        running = null;
        // A kill loses what is not durable at that moment, lines and positions alike.
        const survivor = kill ? bus.crash() : null;
        await source.stop();
        if (survivor === null) await intake.close();
        else bus = survivor;
      }

      // What is rotated away before the source has read anything belongs to the time before it.
      await (await start()).caughtUp();
      for (const { action: step, pauseMs } of steps) {
        if (step.do === 'write' || step.do === 'write much') writer.write(step.lines);
        else if (step.do === 'write half') writer.writeHalf();
        else if (step.do === 'rename') writer.rename(step.late);
        else if (step.do === 'copy and cut') writer.copyAndCut();
        else if (step.do === 'renumber') writer.renumber();
        else if (step.do === 'start') await start();
        else await stop(step.do === 'kill');
        if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
      writer.write(1);
      const source = await start();
      await source.caughtUp();
      await stop(false);

      const stored = storedLines(bus.records);
      const places = new Set(stored.map((line) => `${line.source}@${line.position}`));
      assert.equal(places.size, stored.length, 'a place was read twice');
      const texts = stored.map((line) => line.text);
      const found = new Set(texts);
      assert.deepEqual(
        writer.lines.filter((line) => !found.has(line)),
        [],
        'lines were lost',
      );
      assert.deepEqual(texts.toSorted(), writer.lines.toSorted());
      rotationsRead += new Set(stored.map((line) => line.source)).size;
      folder.remove();
    }),
    { numRuns: 10, endOnFailure: true },
  );
  // The runs are worth something only when there was something to rotate.
  assert.ok(rotationsRead > 20, `${rotationsRead} files`);
});
