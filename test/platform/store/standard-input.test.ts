import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { CHDB, chdbPresent } from '../../support/chdb.ts';
import { requires } from '../../support/requires.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const CHILD = join(import.meta.dirname, 'insert-one.js');

test(
  'embedded store: what stands on standard input is neither stored nor in the way of an insert',
  requires(CHDB, chdbPresent()),
  () => {
    const forged = '["forged",0,"default","user","x","requests","day",1,"2",3]\n';
    for (const input of [forged, 'no row at all\n']) {
      const directory = temporaryDirectory();
      try {
        const child = spawnSync(process.execPath, [CHILD, directory.path], { input, encoding: 'utf8' });
        assert.equal(child.stdout, 'ours\n', child.stderr);
      } finally {
        directory.remove();
      }
    }
  },
);
