import assert from 'node:assert/strict';
import { appendFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { CHDB, chdbPresent } from '../support/chdb.ts';
import { requires } from '../support/requires.ts';
import { mountSmallDisk } from '../support/small-disk.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import type { Child } from './child-process.ts';
import { dumpComplaints } from './comparison.ts';
import { createRun, type Run, uninterrupted } from './run.ts';
import { makeWorkload } from './workload.ts';

const DISK_BYTES = 128 * 1024 * 1024;
const BALLAST_PIECE_BYTES = 64 * 1024;
/** Less than the workload makes of events, more than two file sources and three clients hand over at a time. */
const CAP_BYTES = 6 * 1024 * 1024;
/** Part of the traffic before anything is full, and how far it is to come meanwhile. */
const BEFORE = 0.1;
const MEANWHILE = 0.9;
const LAST_MEANWHILE = 0.95;
/** So long everything is tried again in vain: inserts, checkpoints, appends. */
const FULL_MS = 4_000;
const LOOK_MS = 50;
/** Only to end a test that hangs. */
const PATIENCE_MS = 120_000;

const disk = mountSmallDisk(DISK_BYTES);
after(() => disk.remove());

describe('no room', requires(CHDB, chdbPresent()), () => {
  const directory = temporaryDirectory();
  const workload = makeWorkload({ seed: 5, lines: 18_000, identities: 180, rotations: 4 });
  let reference = '';
  before(async () => {
    reference = await uninterrupted(join(directory.path, 'reference'), workload);
  });
  after(() => directory.remove());

  async function started(run: Run, insertsHeld: boolean): Promise<Child> {
    const child = run.start({ insertsHeld, capBytes: CAP_BYTES });
    await child.listening;
    return child;
  }

  /** Waits until the intake says why it has paused, and every client has been told to come back. */
  async function refused(run: Run, child: Child, why: RegExp): Promise<void> {
    await waitUntil('the intake pauses', async () => {
      const response = await fetch(`${child.url()}/v1/health`);
      const { parts } = (await response.json()) as { parts: { name: string; ok: boolean; why?: string }[] };
      const intake = parts.find(({ name }) => name === 'intake');
      if (intake?.ok !== false) return false;
      assert.equal(response.status, 503);
      assert.match(intake.why ?? '', why);
      return true;
    });
    run.traffic.advanceTo(LAST_MEANWHILE);
    await waitUntil('clients are refused', async () =>
      run.traffic.clients.every(({ refusals }) => refusals.length > 0),
    );
    for (const { status, retryAfter } of run.traffic.clients.flatMap(({ refusals }) => refusals)) {
      assert.equal(status, 503);
      assert.match(retryAfter ?? '', /^\d+$/);
    }
  }

  async function finished(run: Run, child: Child): Promise<void> {
    const complaints = await run.finish(child);
    assert.deepEqual([...complaints, ...dumpComplaints(run.dumpPath, reference)], []);
  }

  test(
    'a full disk pauses the intake with 503 and a reason; with room again all goes on by itself, nothing lost or doubled',
    requires('the right to mount a tmpfs', disk.directory !== null),
    async () => {
      const mount = disk.directory ?? '';
      const ballast = join(mount, 'ballast');
      const run = createRun(join(directory.path, 'disk'), workload, 2, join(mount, 'data'));
      try {
        const child = await started(run, false);
        await run.arrived(run.traffic.advanceTo(BEFORE), child);
        assert.deepEqual(await run.check(child), []);
        const filling = keepFull(ballast);
        await run.traffic.advanceTo(MEANWHILE).files;
        await refused(run, child, /disk .* full/);
        await wait(FULL_MS);
        await filling.stop();
        unlinkSync(ballast);
        await finished(run, child);
      } finally {
        run.close();
      }
    },
  );

  test(
    'killed while the disk is full, the program goes on where it was once there is room',
    requires('the right to mount a tmpfs', disk.directory !== null),
    async () => {
      const mount = disk.directory ?? '';
      const ballast = join(mount, 'ballast');
      const run = createRun(join(directory.path, 'killed'), workload, 4, join(mount, 'killed'));
      try {
        const child = await started(run, false);
        await run.arrived(run.traffic.advanceTo(BEFORE), child);
        const filling = keepFull(ballast);
        await run.traffic.advanceTo(MEANWHILE).files;
        await refused(run, child, /disk .* full/);
        child.kill();
        await child.ended;
        // It starts, or says why it cannot; either way nothing may suffer from it.
        const second = run.start({ capBytes: CAP_BYTES });
        await Promise.race([second.ended, wait(FULL_MS)]);
        second.kill();
        assert.match((await second.ended).failure ?? 'disk_full', /disk_full/);
        await filling.stop();
        unlinkSync(ballast);
        await finished(run, await started(run, false));
      } finally {
        run.close();
      }
    },
  );

  test('a log at its cap, since the store takes nothing, does the same', async () => {
    const run = createRun(join(directory.path, 'cap'), workload, 3);
    try {
      const child = await started(run, true);
      await run.traffic.advanceTo(MEANWHILE).files;
      await refused(run, child, /log is at its cap/);
      await child.command({ do: 'release-inserts' });
      await finished(run, child);
    } finally {
      run.close();
    }
  });
});

/** Takes what is free on the disk, and what becomes free, until it is stopped. */
function keepFull(path: string): { stop(): Promise<void> } {
  let stopped = false;
  const loop = (async () => {
    while (!stopped) {
      try {
        appendFileSync(path, Buffer.alloc(BALLAST_PIECE_BYTES));
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
        await wait(LOOK_MS);
      }
    }
  })();
  return {
    async stop() {
      stopped = true;
      await loop;
    },
  };
}

async function waitUntil(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `in vain: ${what}`);
    await wait(LOOK_MS);
  }
}
