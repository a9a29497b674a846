import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileSourceRig } from '../../support/file-source-rig.ts';
import { testIntake, until } from '../../support/sources-rig.ts';

const rig = fileSourceRig();

describe('rotation', { timeout: 20_000 }, () => {
  test('by renaming: the rest of the old file is read through the open descriptor, then the new file under a new id', async () => {
    writeFileSync(rig.path, 'n1\n');
    const source = await rig.started();
    await source.caughtUp();
    const writer = openSync(rig.path, 'a');
    renameSync(rig.path, `${rig.path}.1`);
    writeSync(writer, 'n2\n');
    writeFileSync(rig.path, 'n4\n');
    writeSync(writer, 'n3\n');
    closeSync(writer);
    await until(() => rig.texts().length === 4);
    assert.deepEqual(rig.texts().toSorted(), ['n1', 'n2', 'n3', 'n4']);
    const lines = rig.lines();
    const idOf = (text: string) => lines.find((line) => line.text === text)?.source;
    assert.equal(idOf('n1'), idOf('n3'));
    assert.notEqual(idOf('n1'), idOf('n4'));
  });

  test('a writer that goes on with the renamed file after the new one was begun loses no line', async () => {
    writeFileSync(rig.path, 'n1\n');
    const source = await rig.started({ lingerMs: 5_000 });
    await source.caughtUp();
    const writer = openSync(rig.path, 'a');
    renameSync(rig.path, join(rig.folder, 'elsewhere-named'));
    writeFileSync(rig.path, 'n2\n');
    await until(() => rig.texts().includes('n2'));
    writeSync(writer, 'n3\n');
    closeSync(writer);
    await until(() => rig.texts().includes('n3'));
    assert.deepEqual(rig.texts().toSorted(), ['n1', 'n2', 'n3']);
  });

  test('while there is no new file yet, the renamed one is read on, also after a restart', async () => {
    writeFileSync(rig.path, 'n1\n');
    const first = await rig.started();
    await first.caughtUp();
    renameSync(rig.path, `${rig.path}.1`);
    appendFileSync(`${rig.path}.1`, 'n2\n');
    await until(() => rig.texts().includes('n2'));
    await first.stop();
    const second = await rig.started();
    await second.caughtUp();
    appendFileSync(`${rig.path}.1`, 'n3\n');
    await until(() => rig.texts().includes('n3'));
    assert.equal(rig.sources().length, 1);
    writeFileSync(rig.path, 'n4\n');
    await until(() => rig.texts().includes('n4'));
    assert.deepEqual(rig.texts().toSorted(), ['n1', 'n2', 'n3', 'n4']);
  });

  test('the last line of a rotated file counts as complete after a while, though it has no end', async () => {
    writeFileSync(rig.path, 'n1\nn2 cut');
    const source = await rig.started();
    await source.caughtUp();
    renameSync(rig.path, `${rig.path}.1`);
    writeFileSync(rig.path, 'n3\n');
    await until(() => rig.texts().length === 3);
    assert.deepEqual(rig.texts().toSorted(), ['n1', 'n2 cut', 'n3']);
    await source.stop();
    const again = await rig.started();
    await again.caughtUp();
    assert.equal(rig.texts().length, 3);
  });

  test('files rotated while the source was down are finished first, oldest first, also when rotated several times', async () => {
    writeFileSync(rig.path, 'n1\n');
    const first = await rig.started();
    await first.caughtUp();
    await first.stop();
    appendFileSync(rig.path, 'n2\n');
    const minutesAgo = (minutes: number) => Date.now() / 1000 - 60 * minutes;
    renameSync(rig.path, `${rig.path}.2`);
    writeFileSync(`${rig.path}.1`, 'n3\nn4\n');
    utimesSync(`${rig.path}.1`, minutesAgo(-1), minutesAgo(-1));
    writeFileSync(rig.path, 'n5\n');
    const second = await rig.started();
    await second.caughtUp();
    // A partition keeps the order of the source; texts of one length are in one partition.
    assert.deepEqual(rig.texts(), ['n1', 'n2', 'n3', 'n4', 'n5']);
  });

  test('more rotated files than are held open at a time are all read, oldest first', async () => {
    writeFileSync(rig.path, 'n00\n');
    const first = await rig.started();
    await first.caughtUp();
    await first.stop();
    const expected = ['n00'];
    for (let n = 10; n < 90; n++) {
      const name = `${rig.path}.${n}`;
      writeFileSync(name, `n${n}\n`);
      utimesSync(name, Date.now() / 1000 + n, Date.now() / 1000 + n);
      expected.push(`n${n}`);
    }
    const second = await rig.started({ graceMs: 0 });
    await second.caughtUp();
    assert.deepEqual(rig.texts(), expected);
  });

  test('late lines of a rotated file are read also when the source was restarted in between', async () => {
    writeFileSync(rig.path, 'n1\n');
    const first = await rig.started();
    await first.caughtUp();
    const writer = openSync(rig.path, 'a');
    renameSync(rig.path, `${rig.path}.1`);
    writeFileSync(rig.path, 'n2\n');
    await first.caughtUp();
    await first.stop();
    const second = await rig.started({ lingerMs: 5_000 });
    await second.caughtUp();
    writeSync(writer, 'n3\n');
    closeSync(writer);
    await until(() => rig.texts().includes('n3'));
    assert.deepEqual(rig.texts().toSorted(), ['n1', 'n2', 'n3']);
    assert.equal(rig.sources().length, 2);
  });

  test('rotated files from before the first start are not read', async () => {
    writeFileSync(`${rig.path}.1`, 'n0\n');
    utimesSync(`${rig.path}.1`, 1_700_000_000, 1_700_000_000);
    writeFileSync(rig.path, 'n1\n');
    const source = await rig.started();
    await source.caughtUp();
    renameSync(rig.path, `${rig.path}.2`);
    writeFileSync(rig.path, 'n2\n');
    await until(() => rig.texts().includes('n2'));
    assert.deepEqual(rig.texts().toSorted(), ['n1', 'n2']);
  });

  test('a rotated file with late lines does not make the file after it look older than it is', async () => {
    writeFileSync(rig.path, 'n1\n');
    const first = await rig.started();
    await first.caughtUp();
    await first.stop();
    const inSeconds = (path: string, seconds: number) =>
      utimesSync(path, Date.now() / 1000 + seconds, Date.now() / 1000 + seconds);
    renameSync(rig.path, `${rig.path}.1`);
    writeFileSync(`${rig.path}.2`, 'n2\n');
    writeFileSync(rig.path, 'n3\n');
    inSeconds(rig.path, 10);
    inSeconds(`${rig.path}.2`, 20);
    // Ends when the rotated file is read and registered, and before the other one is.
    const { intake } = rig;
    const accept: typeof intake.accept = (batch) =>
      rig.texts().includes('n2') ? new Promise(() => {}) : intake.accept(batch);
    const second = await rig.started({ intake: { accept }, graceMs: 0 });
    await until(() => rig.texts().includes('n2'));
    await second.stop();
    renameSync(rig.path, `${rig.path}.3`);
    writeFileSync(rig.path, 'n4\n');
    inSeconds(rig.path, 30);
    const third = await rig.started();
    await third.caughtUp();
    assert.deepEqual(rig.texts().toSorted(), ['n1', 'n2', 'n3', 'n4']);
  });

  test('a first line that is completed only after the file was renamed is read', async () => {
    writeFileSync(rig.path, 'n1');
    const source = await rig.started({ lingerMs: 5_000 });
    await source.caughtUp();
    const writer = openSync(rig.path, 'a');
    renameSync(rig.path, `${rig.path}.1`);
    writeFileSync(rig.path, 'n2\n');
    await until(() => rig.texts().includes('n2'));
    writeFileSync(join(rig.folder, 'another file'), '');
    writeSync(writer, ' end\n');
    closeSync(writer);
    await until(() => rig.texts().includes('n1 end'));
    assert.equal(rig.lines().length, 2);
  });

  test('a file that comes back to its old name goes on where it was', async () => {
    writeFileSync(rig.path, 'n1\n');
    const source = await rig.started({ lingerMs: 5_000 });
    await source.caughtUp();
    renameSync(rig.path, `${rig.path}.1`);
    writeFileSync(rig.path, 'n2\n');
    await until(() => rig.texts().includes('n2'));
    renameSync(rig.path, `${rig.path}.2`);
    renameSync(`${rig.path}.1`, rig.path);
    appendFileSync(rig.path, 'n3\n');
    await until(() => rig.texts().includes('n3'));
    assert.deepEqual(rig.texts().toSorted(), ['n1', 'n2', 'n3']);
    assert.equal(rig.sources().length, 2);
  });
});

describe('registrations', { timeout: 20_000 }, () => {
  const keys = () => [...rig.bus.marks('file/web/')].map((mark) => mark.key);

  test('a file that is gone is forgotten a day later, and files that are there are kept', async () => {
    writeFileSync(rig.path, 'n1\n');
    const first = await rig.started();
    await first.caughtUp();
    await first.stop();
    rmSync(rig.path);
    writeFileSync(rig.path, 'n2\n');
    const second = await rig.started();
    await second.caughtUp();
    await second.stop();
    assert.equal(keys().length, 2);
    const later = await rig.started({ clock: { now: () => Date.now() + 25 * 3_600_000 } });
    await later.caughtUp();
    assert.equal(keys().length, 1);
    assert.deepEqual(rig.texts().toSorted(), ['n1', 'n2']);
  });

  test('a position never becomes durable without the lines before it, nor they without it', async () => {
    writeFileSync(rig.path, 'n1\n');
    const first = await rig.started();
    await first.caughtUp();
    rig.bus.hold(true);
    appendFileSync(rig.path, 'n2\n');
    await new Promise((resolve) => setTimeout(resolve, 60));
    const survivor = rig.bus.crash();
    await first.stop();
    rig.bus = survivor;
    rig.intake = testIntake(survivor);
    const second = await rig.started();
    await second.caughtUp();
    assert.deepEqual(rig.texts().toSorted(), ['n1', 'n2']);
    assert.equal(rig.sources().length, 1);
  });

  test('a registration that this program did not write is refused', async () => {
    await rig.bus.append([], [{ key: 'file/web/1:2:zz', value: '{}' }]);
    await assert.rejects(rig.source().start(), { code: 'state_foreign' });
  });

  test('another source with a name that continues this one keeps its own registrations', async () => {
    writeFileSync(rig.path, 'n1\n');
    await (await rig.started({ name: 'web/2' })).caughtUp();
    await (await rig.started({ name: 'web' })).caughtUp();
    assert.equal(rig.texts().length, 2);
    assert.ok(existsSync(rig.path));
  });
});
