import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileSourceRig } from '../../support/file-source-rig.ts';
import { until } from '../../support/sources-rig.ts';

const rig = fileSourceRig();

describe('files that are cut', { timeout: 20_000 }, () => {
  test('by cutting: the file begins anew at position 0 under a new id', async () => {
    writeFileSync(rig.path, 'n1\nn2\n');
    const source = await rig.started();
    await source.caughtUp();
    truncateSync(rig.path);
    appendFileSync(rig.path, 'n3\n');
    await source.caughtUp();
    const last = rig.lines().find((line) => line.text === 'n3');
    assert.equal(last?.position, 0);
    assert.equal(rig.sources().length, 2);
  });

  test('a file that is cut and has grown beyond the read position between two looks is noticed by its first line', async () => {
    writeFileSync(rig.path, 'n1\nn2\n');
    const first = await rig.started();
    await first.caughtUp();
    await first.stop();
    writeFileSync(rig.path, 'n3\nn4\nn5\nn6\n');
    const second = await rig.started();
    await second.caughtUp();
    assert.deepEqual(rig.texts().toSorted(), ['n1', 'n2', 'n3', 'n4', 'n5', 'n6']);
  });

  test('the same with a first line that never changes is noticed by the bytes in front of the position', async () => {
    writeFileSync(rig.path, '#head\nn1\nn2\n');
    const first = await rig.started();
    await first.caughtUp();
    await first.stop();
    writeFileSync(rig.path, '#head\nn3\nn4\nn5\nn6\n');
    const second = await rig.started();
    await second.caughtUp();
    assert.deepEqual(rig.texts().toSorted(), ['n1', 'n2', 'n3', 'n4', 'n5', 'n6']);
  });

  for (const head of ['', '#head\n']) {
    test(`by copying and cutting while the source is behind or down, lines that only the copy holds are read from it${head === '' ? '' : ', with a first line that never changes'}`, async () => {
      writeFileSync(rig.path, `${head}n1\n`);
      const first = await rig.started();
      await first.caughtUp();
      const [id] = rig.sources();
      await first.stop();
      appendFileSync(rig.path, 'n2\n');
      copyFileSync(rig.path, `${rig.path}.1`);
      truncateSync(rig.path);
      appendFileSync(rig.path, `${head}n3\n`);
      const second = await rig.started();
      await second.caughtUp();
      assert.deepEqual(rig.texts().toSorted(), ['n1', 'n2', 'n3']);
      const copied = rig.lines().find((line) => line.text === 'n2');
      assert.deepEqual([copied?.source, copied?.position], [id, head.length + 3]);
      await second.stop();
      const third = await rig.started();
      await third.caughtUp();
      assert.equal(rig.texts().length, 3);
    });
  }

  test('a file that gets its first lines, is copied and cut, and begins anew between two looks loses none of them', async () => {
    writeFileSync(rig.path, '');
    const source = await rig.started();
    await source.caughtUp();
    appendFileSync(rig.path, 'n1\n');
    copyFileSync(rig.path, `${rig.path}.1`);
    truncateSync(rig.path);
    appendFileSync(rig.path, 'n2\n');
    await until(() => rig.lines().length === 2);
    assert.deepEqual(rig.texts().toSorted(), ['n1', 'n2']);
  });

  test('a copy that somebody makes of the file is not read', async () => {
    writeFileSync(rig.path, 'n1\nn2\n');
    const first = await rig.started();
    await first.caughtUp();
    copyFileSync(rig.path, `${rig.path}.1`);
    writeFileSync(`${rig.path}.2`, 'n1\n');
    await first.stop();
    appendFileSync(rig.path, 'n3\n');
    const second = await rig.started();
    await second.caughtUp();
    assert.deepEqual(rig.texts().toSorted(), ['n1', 'n2', 'n3']);
  });

  test('a copy that is being made when the source looks, of a file it has not read yet, is not read beside it', async () => {
    writeFileSync(rig.path, 'n1\n');
    const first = await rig.started();
    await first.caughtUp();
    await first.stop();
    renameSync(rig.path, `${rig.path}.1`);
    writeFileSync(rig.path, 'n2\nn3\n');
    writeFileSync(`${rig.path}.2`, 'n2\nn');
    const second = await rig.started();
    await second.caughtUp();
    assert.deepEqual(rig.texts(), ['n1', 'n2', 'n3']);
    writeFileSync(`${rig.path}.2`, 'n2\nn3\nn4\n');
    truncateSync(rig.path);
    appendFileSync(rig.path, 'n5\n');
    await second.caughtUp();
    assert.deepEqual(rig.texts().toSorted(), ['n1', 'n2', 'n3', 'n4', 'n5']);
  });
});
