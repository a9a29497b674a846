import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { LINE_MAX_BYTES } from '../../../ingest/formats/format.ts';
import type { Intake } from '../../../ingest/intake.ts';
import { createFileSource, type FileSource, type FileSourceOptions } from '../../../ingest/sources/file.ts';
import { GatewatchError } from '../../../schemas/errors.ts';
import { requires } from '../../support/requires.ts';
import { createSourcesMemoryBus, type SourcesMemoryBus } from '../../support/sources-memory-bus.ts';
import {
  deadLetters,
  keepingLog,
  NO_METRICS,
  QUIET_LOG,
  storedLines,
  TEST_FORMAT,
  testIntake,
} from '../../support/sources-rig.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

let folder: ReturnType<typeof temporaryDirectory>;
let path: string;
let bus: SourcesMemoryBus;
let intake: Intake;
let running: FileSource[] = [];

beforeEach(() => {
  folder = temporaryDirectory();
  path = join(folder.path, 'access.log');
  bus = createSourcesMemoryBus();
  intake = testIntake(bus);
});

afterEach(async () => {
  for (const source of running) await source.stop();
  running = [];
  await intake.close();
  folder.remove();
});

function fileSource(options: Partial<FileSourceOptions> = {}): FileSource {
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
    pollMs: 10,
    graceMs: 20,
    lingerMs: 100,
    ...options,
  });
  running.push(source);
  return source;
}

async function started(options: Partial<FileSourceOptions> = {}): Promise<FileSource> {
  const source = fileSource(options);
  await source.start();
  return source;
}

const texts = () => storedLines(bus.records).map((line) => line.text);
const sorted = () => texts().toSorted();
const sources = () => [...new Set(storedLines(bus.records).map((line) => line.source))];

/** Waits until the condition holds; the test's own time limit ends a wait in vain. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('reading', { timeout: 20_000 }, () => {
  test('every whole line comes once, at the offset of its first byte, under a 64-bit source id that is not 0', async () => {
    writeFileSync(path, 'n1\nn22\r\n\nnä\nn5\n');
    const source = await started();
    await source.caughtUp();
    const lines = storedLines(bus.records).toSorted((a, b) => a.position - b.position);
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
    assert.equal(sources().length, 1);
    assert.match(sources()[0] as string, /^[1-9]\d{0,19}$/);
    assert.ok(BigInt(sources()[0] as string) < 2n ** 64n);
  });

  test('a last line without an end waits until it has one', async () => {
    writeFileSync(path, 'n1\nn2 begin');
    const source = await started();
    await source.caughtUp();
    assert.deepEqual(texts(), ['n1']);
    appendFileSync(path, 'ning\nn3\n');
    await source.caughtUp();
    assert.deepEqual(sorted(), ['n1', 'n2 beginning', 'n3']);
  });

  test('a file whose first line is not complete yet is read once it is', async () => {
    writeFileSync(path, 'n1');
    const source = await started();
    await source.caughtUp();
    assert.deepEqual(texts(), []);
    appendFileSync(path, ' end\n');
    await source.caughtUp();
    assert.deepEqual(texts(), ['n1 end']);
  });

  test('a missing file is waited for, with one line in the log', async () => {
    const log = keepingLog();
    const source = await started({ log });
    await source.caughtUp();
    await source.caughtUp();
    writeFileSync(path, 'n1\n');
    await until(() => texts().length === 1);
    assert.equal(log.messages.length, 1);
    assert.match(log.messages[0] as string, /waiting/);
  });

  test('from the end: only lines that are completed after the start are read, also after a restart', async () => {
    writeFileSync(path, 'n1\nn2\nn3 beg');
    const first = await started({ from: 'end' });
    await first.caughtUp();
    await first.stop();
    appendFileSync(path, 'in\nn4\n');
    const second = await started({ from: 'end' });
    await second.caughtUp();
    assert.deepEqual(sorted(), ['n3 begin', 'n4']);
  });

  test('a large file is read in batches of at most 4 MiB, at most two of them waiting at a time', async () => {
    const line = `n${'x'.repeat(998)}\n`;
    writeFileSync(path, line.repeat(20_000));
    let waiting = 0;
    let waitingMost = 0;
    let bytesMost = 0;
    const measured: Pick<Intake, 'accept'> = {
      async accept(batch) {
        waiting += 1;
        waitingMost = Math.max(waitingMost, waiting);
        bytesMost = Math.max(bytesMost, batch.bytes.length);
        assert.equal(batch.position % 1000, 0);
        const result = await intake.accept(batch);
        waiting -= 1;
        return result;
      },
    };
    const source = await started({ intake: measured });
    await source.caughtUp();
    assert.equal(texts().length, 20_000);
    assert.equal(waitingMost, 2);
    assert.ok(bytesMost > 256 * 1024 && bytesMost <= 4 * 1024 * 1024, String(bytesMost));
    assert.deepEqual(source.progress(), { bytesRead: 20_000_000, bytesTotal: 20_000_000, atEnd: true });
  });

  test('an over-long line is refused as too long at its own position, and the lines around it keep theirs', async () => {
    const long = 3 * 1024 * 1024;
    writeFileSync(path, `n1\n${'x'.repeat(long)}\nn2\n${'y'.repeat(LINE_MAX_BYTES + 1)}\nn3\n`);
    let bytesMost = 0;
    const measured: Pick<Intake, 'accept'> = {
      accept(batch) {
        bytesMost = Math.max(bytesMost, batch.bytes.length);
        return intake.accept(batch);
      },
    };
    const source = await started({ intake: measured });
    await source.caughtUp();
    assert.deepEqual(
      storedLines(bus.records).map(({ position, text }) => [position, text]),
      [
        [0, 'n1'],
        [3 + long + 1, 'n2'],
        [3 + long + 1 + 3 + LINE_MAX_BYTES + 2, 'n3'],
      ],
    );
    assert.deepEqual(
      deadLetters(bus.records).map(({ reason, position }) => [reason, position]),
      [
        ['too_long', 3],
        ['too_long', 3 + long + 4],
      ],
    );
    assert.ok(bytesMost <= 256 * 1024, String(bytesMost));
  });

  test('an over-long line that is written piece by piece, and cut by a restart, is refused once', async () => {
    writeFileSync(path, `n1\n${'x'.repeat(400_000)}`);
    const first = await started();
    await first.caughtUp();
    appendFileSync(path, 'x'.repeat(400_000));
    await first.caughtUp();
    await first.stop();
    const second = await started();
    await second.caughtUp();
    assert.equal(deadLetters(bus.records).length, 0);
    appendFileSync(path, 'x\nn2\n');
    await second.caughtUp();
    assert.equal(deadLetters(bus.records).length, 1);
    assert.deepEqual(texts(), ['n1', 'n2']);
  });
});

describe('what cannot be read', { timeout: 20_000 }, () => {
  const refused = async (pattern: RegExp, options: Partial<FileSourceOptions> = {}) => {
    await assert.rejects(fileSource(options).start(), (error) => {
      assert.ok(error instanceof GatewatchError);
      assert.equal(error.code, 'source_unreadable');
      assert.match(error.message, pattern);
      return true;
    });
  };

  test('a compressed file is refused, and the error names the file and replay', async () => {
    writeFileSync(path, gzipSync('n1\n'));
    await refused(/access\.log.*replay/);
  });

  test('a folder is refused, and the error names it', async () => {
    mkdirSync(path);
    await refused(/access\.log.*(folder|regular file)/);
  });

  test(
    'a file without the right to read is refused, and the error says what to change',
    requires('a user other than root', process.getuid?.() !== 0),
    async () => {
      writeFileSync(path, 'n1\n');
      chmodSync(path, 0);
      await refused(/access\.log.*right to read/);
    },
  );

  test('a path through a file is refused rather than waited for', async () => {
    writeFileSync(path, 'n1\n');
    await refused(/not a folder/, { path: join(path, 'below.log') });
  });

  test('a source whose intake takes no more lines says so and ends', async () => {
    writeFileSync(path, 'n1\n');
    await intake.close();
    const source = await started();
    await assert.rejects(source.done, /closed/);
    await assert.rejects(source.caughtUp());
  });
});

describe('rotation', { timeout: 20_000 }, () => {
  test('by renaming: the rest of the old file is read through the open descriptor, then the new file under a new id', async () => {
    writeFileSync(path, 'n1\n');
    const source = await started();
    await source.caughtUp();
    const writer = openSync(path, 'a');
    renameSync(path, `${path}.1`);
    writeSync(writer, 'n2\n');
    writeFileSync(path, 'n4\n');
    writeSync(writer, 'n3\n');
    closeSync(writer);
    await until(() => texts().length === 4);
    assert.deepEqual(sorted(), ['n1', 'n2', 'n3', 'n4']);
    const lines = storedLines(bus.records);
    const idOf = (text: string) => lines.find((line) => line.text === text)?.source;
    assert.equal(idOf('n1'), idOf('n3'));
    assert.notEqual(idOf('n1'), idOf('n4'));
  });

  test('a writer that goes on with the renamed file after the new one was begun loses no line', async () => {
    writeFileSync(path, 'n1\n');
    const source = await started({ lingerMs: 5_000 });
    await source.caughtUp();
    const writer = openSync(path, 'a');
    renameSync(path, join(folder.path, 'elsewhere-named'));
    writeFileSync(path, 'n2\n');
    await until(() => texts().includes('n2'));
    writeSync(writer, 'n3\n');
    closeSync(writer);
    await until(() => texts().includes('n3'));
    assert.deepEqual(sorted(), ['n1', 'n2', 'n3']);
  });

  test('while there is no new file yet, the renamed one is read on, also after a restart', async () => {
    writeFileSync(path, 'n1\n');
    const first = await started();
    await first.caughtUp();
    renameSync(path, `${path}.1`);
    appendFileSync(`${path}.1`, 'n2\n');
    await until(() => texts().includes('n2'));
    await first.stop();
    const second = await started();
    await second.caughtUp();
    appendFileSync(`${path}.1`, 'n3\n');
    await until(() => texts().includes('n3'));
    assert.equal(sources().length, 1);
    writeFileSync(path, 'n4\n');
    await until(() => texts().includes('n4'));
    assert.deepEqual(sorted(), ['n1', 'n2', 'n3', 'n4']);
  });

  test('the last line of a rotated file counts as complete after a while, though it has no end', async () => {
    writeFileSync(path, 'n1\nn2 cut');
    const source = await started();
    await source.caughtUp();
    renameSync(path, `${path}.1`);
    writeFileSync(path, 'n3\n');
    await until(() => texts().length === 3);
    assert.deepEqual(sorted(), ['n1', 'n2 cut', 'n3']);
    await source.stop();
    const again = await started();
    await again.caughtUp();
    assert.equal(texts().length, 3);
  });

  test('files rotated while the source was down are finished first, oldest first, also when rotated several times', async () => {
    writeFileSync(path, 'n1\n');
    const first = await started();
    await first.caughtUp();
    await first.stop();
    appendFileSync(path, 'n2\n');
    const minutesAgo = (minutes: number) => Date.now() / 1000 - 60 * minutes;
    renameSync(path, `${path}.2`);
    writeFileSync(`${path}.1`, 'n3\nn4\n');
    utimesSync(`${path}.1`, minutesAgo(-1), minutesAgo(-1));
    writeFileSync(path, 'n5\n');
    const second = await started();
    await second.caughtUp();
    // A partition keeps the order of the source; texts of one length are in one partition.
    assert.deepEqual(texts(), ['n1', 'n2', 'n3', 'n4', 'n5']);
  });

  test('rotated files from before the first start are not read', async () => {
    writeFileSync(`${path}.1`, 'n0\n');
    utimesSync(`${path}.1`, 1_700_000_000, 1_700_000_000);
    writeFileSync(path, 'n1\n');
    const source = await started();
    await source.caughtUp();
    renameSync(path, `${path}.2`);
    writeFileSync(path, 'n2\n');
    await until(() => texts().includes('n2'));
    assert.deepEqual(sorted(), ['n1', 'n2']);
  });

  test('by cutting: the file begins anew at position 0 under a new id', async () => {
    writeFileSync(path, 'n1\nn2\n');
    const source = await started();
    await source.caughtUp();
    truncateSync(path);
    appendFileSync(path, 'n3\n');
    await source.caughtUp();
    const last = storedLines(bus.records).find((line) => line.text === 'n3');
    assert.equal(last?.position, 0);
    assert.equal(sources().length, 2);
  });

  test('a file that is cut and has grown beyond the read position between two looks is noticed by its first line', async () => {
    writeFileSync(path, 'n1\nn2\n');
    const first = await started();
    await first.caughtUp();
    await first.stop();
    writeFileSync(path, 'n3\nn4\nn5\nn6\n');
    const second = await started();
    await second.caughtUp();
    assert.deepEqual(sorted(), ['n1', 'n2', 'n3', 'n4', 'n5', 'n6']);
  });

  test('the same with a first line that never changes is noticed by the bytes in front of the position', async () => {
    writeFileSync(path, '#head\nn1\nn2\n');
    const first = await started();
    await first.caughtUp();
    await first.stop();
    writeFileSync(path, '#head\nn3\nn4\nn5\nn6\n');
    const second = await started();
    await second.caughtUp();
    assert.deepEqual(sorted(), ['n1', 'n2', 'n3', 'n4', 'n5', 'n6']);
  });

  for (const head of ['', '#head\n']) {
    test(`by copying and cutting while the source is behind or down, lines that only the copy holds are read from it${head === '' ? '' : ', with a first line that never changes'}`, async () => {
      writeFileSync(path, `${head}n1\n`);
      const first = await started();
      await first.caughtUp();
      const [id] = sources();
      await first.stop();
      appendFileSync(path, 'n2\n');
      copyFileSync(path, `${path}.1`);
      truncateSync(path);
      appendFileSync(path, `${head}n3\n`);
      const second = await started();
      await second.caughtUp();
      assert.deepEqual(sorted(), ['n1', 'n2', 'n3']);
      const copied = storedLines(bus.records).find((line) => line.text === 'n2');
      assert.deepEqual([copied?.source, copied?.position], [id, head.length + 3]);
      await second.stop();
      const third = await started();
      await third.caughtUp();
      assert.equal(texts().length, 3);
    });
  }

  test('a copy that somebody makes of the file is not read', async () => {
    writeFileSync(path, 'n1\nn2\n');
    const first = await started();
    await first.caughtUp();
    copyFileSync(path, `${path}.1`);
    writeFileSync(`${path}.2`, 'n1\n');
    await first.stop();
    appendFileSync(path, 'n3\n');
    const second = await started();
    await second.caughtUp();
    assert.deepEqual(sorted(), ['n1', 'n2', 'n3']);
  });

  test('a file that comes back to its old name goes on where it was', async () => {
    writeFileSync(path, 'n1\n');
    const source = await started({ lingerMs: 5_000 });
    await source.caughtUp();
    renameSync(path, `${path}.1`);
    writeFileSync(path, 'n2\n');
    await until(() => texts().includes('n2'));
    renameSync(path, `${path}.2`);
    renameSync(`${path}.1`, path);
    appendFileSync(path, 'n3\n');
    await until(() => texts().includes('n3'));
    assert.deepEqual(sorted(), ['n1', 'n2', 'n3']);
    assert.equal(sources().length, 2);
  });
});

describe('registrations', { timeout: 20_000 }, () => {
  const keys = () => [...bus.marks('file/web/')].map((mark) => mark.key);

  test('a file that is gone is forgotten a day later, and files that are there are kept', async () => {
    writeFileSync(path, 'n1\n');
    const first = await started();
    await first.caughtUp();
    await first.stop();
    rmSync(path);
    writeFileSync(path, 'n2\n');
    const second = await started();
    await second.caughtUp();
    await second.stop();
    assert.equal(keys().length, 2);
    const later = await started({ clock: { now: () => Date.now() + 25 * 3_600_000 } });
    await later.caughtUp();
    assert.equal(keys().length, 1);
    assert.deepEqual(sorted(), ['n1', 'n2']);
  });

  test('a position never becomes durable without the lines before it, nor they without it', async () => {
    writeFileSync(path, 'n1\n');
    const first = await started();
    await first.caughtUp();
    bus.hold(true);
    appendFileSync(path, 'n2\n');
    await new Promise((resolve) => setTimeout(resolve, 60));
    const survivor = bus.crash();
    await first.stop();
    bus = survivor;
    intake = testIntake(bus);
    const second = await started();
    await second.caughtUp();
    assert.deepEqual(sorted(), ['n1', 'n2']);
    assert.equal(sources().length, 1);
  });

  test('a registration that this program did not write is refused', async () => {
    await bus.append([], [{ key: 'file/web/1:2:zz', value: '{}' }]);
    await assert.rejects(fileSource().start(), { code: 'state_foreign' });
  });

  test('another source with a name that continues this one keeps its own registrations', async () => {
    writeFileSync(path, 'n1\n');
    await (await started({ name: 'web/2' })).caughtUp();
    await (await started({ name: 'web' })).caughtUp();
    assert.equal(texts().length, 2);
    assert.ok(existsSync(path));
  });
});
