import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { openEmbeddedState } from '../../../platform/state/embedded.ts';
import { GatewatchError } from '../../../schemas/errors.ts';
import { stateStoreContract } from '../../contracts/state-store.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const KILLS = 5;
const CHILD = join(import.meta.dirname, 'save-until-killed.js');

stateStoreContract('embedded state', async () => {
  const directory = temporaryDirectory();
  return {
    open: () => openEmbeddedState({ directory: directory.path, generation: 'one', layoutVersion: 1 }),
    cleanup: async () => directory.remove(),
  };
});

test('embedded state: refuses the state of another generation or row layout, and says what helps', async () => {
  const directory = temporaryDirectory();
  try {
    const options = { directory: directory.path, generation: 'one', layoutVersion: 1 };
    await (await openEmbeddedState(options)).close();
    const foreign = (error: unknown) =>
      error instanceof GatewatchError && error.code === 'state_foreign' && /delete the directory/.test(error.message);
    await assert.rejects(openEmbeddedState({ ...options, generation: 'two' }), foreign);
    await assert.rejects(openEmbeddedState({ ...options, layoutVersion: 2 }), foreign);
    await (await openEmbeddedState(options)).close();
  } finally {
    directory.remove();
  }
});

test('embedded state: refuses a directory that is open already', async () => {
  const directory = temporaryDirectory();
  const options = { directory: directory.path, generation: 'one', layoutVersion: 1 };
  const state = await openEmbeddedState(options);
  try {
    await assert.rejects(openEmbeddedState(options), (e) => e instanceof GatewatchError && e.code === 'store_locked');
  } finally {
    await state.close();
    directory.remove();
  }
});

test('embedded state: refuses row numbers and partitions that do not fit, and keeps the former checkpoint', async () => {
  const directory = temporaryDirectory();
  const state = await openEmbeddedState({ directory: directory.path, generation: 'one', layoutVersion: 1 });
  try {
    const bytes = Buffer.alloc(8);
    await state.save(0, { nextOffset: 1, meta: '' }, []);
    for (const index of [-1, 0.5, 2 ** 32, Number.NaN]) {
      await assert.rejects(state.save(0, { nextOffset: 2, meta: '' }, [{ index, bytes }]), RangeError);
    }
    await assert.rejects(state.save(65_536, { nextOffset: 2, meta: '' }, []), RangeError);
    assert.equal((await state.load(0, () => undefined))?.nextOffset, 1);
  } finally {
    await state.close();
    directory.remove();
  }
});

test('embedded state: after SIGKILL rows, meta and offset belong to one save, and no acknowledged save is lost', async () => {
  const directory = temporaryDirectory();
  try {
    let acknowledged = 0;
    for (let round = 0; round < KILLS; round++) {
      const child = spawn(process.execPath, [CHILD, directory.path], { stdio: ['ignore', 'pipe', 'inherit'] });
      child.stdout.setEncoding('latin1').on('data', (text: string) => {
        acknowledged = Math.max(acknowledged, ...text.trim().split('\n').map(Number));
        if (acknowledged >= (round + 1) * 4) child.kill('SIGKILL');
      });
      await once(child, 'close');
      const state = await openEmbeddedState({ directory: directory.path, generation: 'one', layoutVersion: 1 });
      try {
        const fills = new Set<number>();
        const checkpoint = await state.load(0, ({ bytes }) => fills.add(bytes[0] ?? -1));
        const saved = checkpoint?.nextOffset ?? 0;
        assert.ok(saved >= acknowledged);
        assert.equal(checkpoint?.meta, `${saved}`);
        assert.deepEqual([...fills], [saved % 256]);
      } finally {
        await state.close();
      }
    }
  } finally {
    directory.remove();
  }
});
