import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { LINE_MAX_BYTES } from '../../../ingest/formats/format.ts';
import type { Intake } from '../../../ingest/intake.ts';
import type { FileSourceOptions } from '../../../ingest/sources/file.ts';
import { GatewatchError } from '../../../schemas/errors.ts';
import { fileSourceRig } from '../../support/file-source-rig.ts';
import { deadLetters, keepingLog, testIntake, until } from '../../support/sources-rig.ts';

/** Uid of `nobody` on Linux; root may read everything, so it cannot show a missing right. */
const NOBODY = 65_534;

async function asOrdinaryUser(work: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) {
    chmodSync(dirname(rig.path), 0o777);
    process.seteuid?.(NOBODY);
  }
  try {
    await work();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

const rig = fileSourceRig();

describe('reading', { timeout: 20_000 }, () => {
  test('every whole line comes once, at the offset of its first byte, under a 64-bit source id that is not 0', async () => {
    writeFileSync(rig.path, 'n1\nn22\r\n\nnä\nn5\n');
    const source = await rig.started();
    await source.caughtUp();
    const lines = rig.lines().toSorted((a, b) => a.position - b.position);
    // Offsets counted by hand: 'n1\n' 3, 'n22\r\n' 5, '\n' 1, 'nä\n' 4 bytes.
    assert.deepEqual(
      lines.map(({ position, text }) => [position, text]),
      [
        [0, 'n1'],
        [3, 'n22'],
        [9, 'nä'],
        [13, 'n5'],
      ],
    );
    assert.equal(rig.sources().length, 1);
    assert.match(rig.sources()[0] as string, /^[1-9]\d{0,19}$/);
    assert.ok(BigInt(rig.sources()[0] as string) < 2n ** 64n);
  });

  test('a last line without an end waits until it has one', async () => {
    writeFileSync(rig.path, 'n1\nn2 begin');
    const source = await rig.started();
    await source.caughtUp();
    assert.deepEqual(rig.texts(), ['n1']);
    appendFileSync(rig.path, 'ning\nn3\n');
    await source.caughtUp();
    assert.deepEqual(rig.texts().toSorted(), ['n1', 'n2 beginning', 'n3']);
  });

  test('a file whose first line is not complete yet is read once it is', async () => {
    writeFileSync(rig.path, 'n1');
    const source = await rig.started();
    await source.caughtUp();
    assert.deepEqual(rig.texts(), []);
    appendFileSync(rig.path, ' end\n');
    await source.caughtUp();
    assert.deepEqual(rig.texts(), ['n1 end']);
  });

  test('a missing file is waited for, with one line in the log', async () => {
    const log = keepingLog();
    const source = await rig.started({ log });
    await source.caughtUp();
    await source.caughtUp();
    writeFileSync(rig.path, 'n1\n');
    await until(() => rig.texts().length === 1);
    assert.equal(log.messages.length, 1);
    assert.match(log.messages[0] as string, /waiting/);
  });

  test('from the end: only lines that are completed after the start are read, also after a restart', async () => {
    writeFileSync(rig.path, 'n1\nn2\nn3 beg');
    const first = await rig.started({ from: 'end' });
    await first.caughtUp();
    await first.stop();
    appendFileSync(rig.path, 'in\nn4\n');
    const second = await rig.started({ from: 'end' });
    await second.caughtUp();
    assert.deepEqual(rig.texts().toSorted(), ['n3 begin', 'n4']);
  });

  test('a large file is read in batches of at most 4 MiB, at most two of them waiting at a time', async () => {
    const line = `n${'x'.repeat(998)}\n`;
    writeFileSync(rig.path, line.repeat(20_000));
    let waiting = 0;
    let waitingMost = 0;
    let bytesMost = 0;
    const measured: Pick<Intake, 'accept'> = {
      async accept(batch) {
        // The registration goes ahead alone; the lines then pile up.
        if (batch.bytes.length > 0 && bytesMost === 0) rig.bus.hold(true);
        waiting += 1;
        waitingMost = Math.max(waitingMost, waiting);
        bytesMost = Math.max(bytesMost, batch.bytes.length);
        assert.equal(batch.position % 1000, 0);
        const result = await rig.intake.accept(batch);
        waiting -= 1;
        return result;
      },
    };
    const source = await rig.started({ intake: measured });
    await until(() => waiting === 2);
    rig.bus.hold(false);
    await source.caughtUp();
    assert.equal(rig.texts().length, 20_000);
    assert.equal(waitingMost, 2);
    assert.ok(bytesMost > 256 * 1024 && bytesMost <= 4 * 1024 * 1024, String(bytesMost));
    assert.deepEqual(source.progress(), { bytesRead: 20_000_000, bytesTotal: 20_000_000, atEnd: true });
  });

  test('an over-long line is refused as too long at its own position, and the lines around it keep theirs', async () => {
    const long = 3 * 1024 * 1024;
    writeFileSync(rig.path, `n1\n${'x'.repeat(long)}\nn2\n${'y'.repeat(LINE_MAX_BYTES + 1)}\nn3\n`);
    let bytesMost = 0;
    const measured: Pick<Intake, 'accept'> = {
      accept(batch) {
        bytesMost = Math.max(bytesMost, batch.bytes.length);
        return rig.intake.accept(batch);
      },
    };
    const source = await rig.started({ intake: measured });
    await source.caughtUp();
    assert.deepEqual(
      rig.lines().map(({ position, text }) => [position, text]),
      [
        [0, 'n1'],
        [3 + long + 1, 'n2'],
        [3 + long + 1 + 3 + LINE_MAX_BYTES + 2, 'n3'],
      ],
    );
    assert.deepEqual(
      deadLetters(rig.bus.records).map(({ reason, position }) => [reason, position]),
      [
        ['too_long', 3],
        ['too_long', 3 + long + 4],
      ],
    );
    assert.ok(bytesMost <= 256 * 1024, String(bytesMost));
  });

  test('an over-long line that is written piece by piece, and cut by a restart, is refused once', async () => {
    writeFileSync(rig.path, `n1\n${'x'.repeat(400_000)}`);
    const first = await rig.started();
    await first.caughtUp();
    appendFileSync(rig.path, 'x'.repeat(400_000));
    await first.caughtUp();
    await first.stop();
    const second = await rig.started();
    await second.caughtUp();
    assert.equal(deadLetters(rig.bus.records).length, 0);
    appendFileSync(rig.path, 'x\nn2\n');
    await second.caughtUp();
    assert.equal(deadLetters(rig.bus.records).length, 1);
    assert.deepEqual(rig.texts(), ['n1', 'n2']);
  });
});

describe('back-pressure', { timeout: 20_000 }, () => {
  test('while the log is full nothing more is read, the source can be stopped, and no line is lost or doubled', async () => {
    const total = 3_000;
    writeFileSync(rig.path, Array.from({ length: total }, (_, i) => `n${i} ${'x'.repeat(1_000)}\n`).join(''));
    rig.bus.full(true);
    const first = await rig.started();
    await until(() => rig.intake.paused() !== null);
    await first.stop();
    await rig.intake.close().catch(() => {});
    assert.equal(rig.texts().length, 0);
    rig.bus.full(false);
    rig.intake = testIntake(rig.bus);
    rig.bus.full(true);
    const second = await rig.started();
    await until(() => rig.intake.paused() !== null);
    rig.bus.full(false);
    await second.caughtUp();
    assert.equal(new Set(rig.texts()).size, total);
    assert.equal(rig.texts().length, total);
  });
});

describe('what cannot be read', { timeout: 20_000 }, () => {
  const refused = async (pattern: RegExp, options: Partial<FileSourceOptions> = {}) => {
    await assert.rejects(rig.source(options).start(), (error) => {
      assert.ok(error instanceof GatewatchError);
      assert.equal(error.code, 'source_unreadable');
      assert.match(error.message, pattern);
      return true;
    });
  };

  test('a compressed file is refused, and the error names the file and replay', async () => {
    writeFileSync(rig.path, gzipSync('n1\n'));
    await refused(/access\.log.*replay/);
  });

  test('a folder is refused, and the error names it', async () => {
    mkdirSync(rig.path);
    await refused(/access\.log.*(folder|regular file)/);
  });

  test('a file without the right to read is refused, and the error says what to change', async () => {
    writeFileSync(rig.path, 'n1\n');
    chmodSync(rig.path, 0);
    await asOrdinaryUser(() => refused(/access\.log.*right to read/));
  });

  test('a rig.path through a file is refused rather than waited for', async () => {
    writeFileSync(rig.path, 'n1\n');
    await refused(/not a folder/, { path: join(rig.path, 'below.log') });
  });

  test('a source whose intake takes no more lines says so and ends', async () => {
    writeFileSync(rig.path, 'n1\n');
    await rig.intake.close();
    const source = await rig.started();
    await assert.rejects(source.done, /closed/);
    await assert.rejects(source.caughtUp());
  });
});
