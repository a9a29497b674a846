import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockDirectory } from '../../../platform/lmdb/directory-lock.ts';
import { GatewatchError } from '../../../schemas/errors.ts';
import { requires } from '../../support/requires.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const isLocked = (error: unknown) => error instanceof GatewatchError && error.code === 'store_locked';
const MODULE = join(import.meta.dirname, '../../../platform/lmdb/directory-lock.js');

/** Locks the directory in another process, which then ends as `ending` says. Gives what it wrote to standard output. */
function lockElsewhere(directory: string, ending: string): string {
  const program = `
    import { lockDirectory } from ${JSON.stringify(MODULE)};
    try { lockDirectory(${JSON.stringify(directory)}); } catch (error) { console.log(error.code + ' ' + error.message); }
    ${ending}`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }).stdout;
}

function locking(title: string, run: (directory: string) => void, options = {}): void {
  test(title, options, () => {
    const directory = temporaryDirectory();
    try {
      run(directory.path);
    } finally {
      directory.remove();
    }
  });
}

locking('a directory is locked once, also within one process, and is free after release', (directory) => {
  const lock = lockDirectory(directory);
  assert.throws(() => lockDirectory(directory), isLocked);
  lock.release();
  lock.release();
  lockDirectory(directory).release();
  assert.deepEqual(readdirSync(directory), []);
});

locking('another process is refused, and told which process has it', (directory) => {
  const lock = lockDirectory(directory);
  const answer = lockElsewhere(directory, '');
  lock.release();
  assert.match(answer, /^store_locked /);
  assert.ok(answer.includes(`process ${process.pid}`));
});

locking('the lock of a killed process is taken over', (directory) => {
  lockElsewhere(directory, 'process.kill(process.pid, "SIGKILL");');
  assert.ok(existsSync(join(directory, 'owner.lock')));
  lockDirectory(directory).release();
});

locking(
  'the lock of a process whose number another one has now is taken over',
  (directory) => {
    const lock = lockDirectory(directory);
    const path = join(directory, 'owner.lock');
    const owner = JSON.parse(readFileSync(path, 'utf8'));
    lock.release();
    writeFileSync(path, JSON.stringify({ ...owner, started: '1' }));
    lockDirectory(directory).release();
    writeFileSync(path, JSON.stringify({ ...owner, boot: 'a former boot' }));
    lockDirectory(directory).release();
  },
  requires('/proc', existsSync('/proc/self/stat')),
);

locking('a lock file that says nothing is taken over', (directory) => {
  for (const text of ['', '{', '[]', 'null', '{"pid":"x"}']) {
    writeFileSync(join(directory, 'owner.lock'), text);
    lockDirectory(directory).release();
  }
});

locking('releasing leaves the lock of a successor alone', (directory) => {
  const lock = lockDirectory(directory);
  const path = join(directory, 'owner.lock');
  const successor = JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), token: 'successor' });
  writeFileSync(path, successor);
  lock.release();
  assert.equal(readFileSync(path, 'utf8'), successor);
});
