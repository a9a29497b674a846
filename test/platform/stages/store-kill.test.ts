import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { CHDB, chdbPresent } from '../../support/chdb.ts';
import { requires } from '../../support/requires.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const KILLS = 5;
/** In each of two partitions. */
const LINES = 8_000;

test(
  'a writer that is killed again and again loses no line and stores none twice',
  requires(CHDB, chdbPresent()),
  async (t) => {
    const directory = temporaryDirectory();
    t.after(() => directory.remove());
    const run = () => {
      const script = join(import.meta.dirname, 'write-until-killed.js');
      const child = spawn(process.execPath, [script, directory.path, String(LINES)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      t.after(() => child.kill('SIGKILL'));
      return child;
    };
    for (let kill = 0; kill < KILLS; kill++) {
      const child = run();
      await once(child.stdout, 'data');
      await new Promise((resolve) => setTimeout(resolve, 60 + 70 * kill));
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      assert.deepEqual((await exit)[1], 'SIGKILL', 'the writer was still at work');
    }
    const last = run();
    let output = '';
    last.stdout.on('data', (chunk) => {
      output += chunk;
    });
    assert.deepEqual(await once(last, 'exit'), [0, null]);
    const row = JSON.parse(/stored (.*)/.exec(output)?.[1] ?? '{}');
    assert.ok(row.inLog >= 2 * LINES);
    assert.deepEqual([row.rows, row.distinct, row.rolledUp].map(Number), [row.inLog, row.inLog, row.inLog]);
  },
);
