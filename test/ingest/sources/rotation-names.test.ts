import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCompressedName, isRotationName } from '../../../ingest/sources/rotation-names.ts';

test('names that log rotation gives are known', () => {
  // logrotate(8): plain numbers, dateext with its default and an hourly dateformat, extension .log; Docker's json-file;
  // log4j, Python's TimedRotatingFileHandler and the daily names of other programs.
  for (const name of [
    'access.log.1',
    'access.log.12',
    'access.log-20241125',
    'access.log-2024112507',
    'access.log-20241125-1732521600',
    'access.1.log',
    'access-20241125.log',
    'access.log.2024-11-25',
    'access.log.2024-11-25_07',
    'access_2024-11-25T07:00:00Z.log',
    'access.log.old',
  ]) {
    assert.ok(isRotationName('access.log', name), name);
  }
  assert.ok(isRotationName('access', 'access.1'));
});

test('other files beside a log are not taken for rotated ones', () => {
  for (const name of [
    'access.log',
    'access.log.pos',
    'access.log.offset',
    'access.log.swp',
    'access.log~',
    'access.log.1.gz',
    'error.log.1',
    'access-api.log',
    'access.logs.1',
    'access.log1',
    'my-access.log.1',
    'access.log.1.tmp',
  ]) {
    assert.ok(!isRotationName('access.log', name), name);
  }
});

test('compressed files are told by their ending', () => {
  assert.ok(isCompressedName('access.log.2.gz'));
  assert.ok(isCompressedName('access.log-20241125.zst'));
  assert.ok(!isCompressedName('access.log.2'));
});
