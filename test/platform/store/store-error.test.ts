import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClickHouseError } from '@clickhouse/client';
import { insertError, queryError } from '../../../platform/store/store-error.ts';

const HOSTILE = "Code: 241. DB::Exception: 'password=hunter2' (MEMORY_LIMIT_EXCEEDED)";

function overHttp(code: string): ClickHouseError {
  return new ClickHouseError({ message: HOSTILE, code, type: 'HUNTER_TWO' });
}

function inProcess(clickhouseCode: number): Error {
  return Object.assign(new Error(HOSTILE), { code: 'CHDB_INSERT', clickhouseCode });
}

test('the code alone decides whether rows are refused, whatever words a row puts into the message', () => {
  // Numbers from ClickHouse's ErrorCodes.cpp: 27 CANNOT_PARSE_INPUT_ASSERTION_FAILED, 117 INCORRECT_DATA,
  // 241 MEMORY_LIMIT_EXCEEDED, 60 UNKNOWN_TABLE.
  for (const make of [(code: number) => overHttp(String(code)), inProcess]) {
    for (const [code, transient] of [
      [27, false],
      [117, false],
      [241, true],
      [60, true],
      [9999, true],
    ] as const) {
      const error = insertError(make(code));
      assert.deepEqual([error.code, error.transient], ['store_unavailable', transient], String(code));
    }
  }
});

test('a code that the client could not take out of the message is read from its beginning, and only from there', () => {
  assert.equal(insertError(new Error(`Code: 117. DB::Exception: Cannot read '${HOSTILE}`)).transient, false);
  assert.match(insertError(new Error(`x ${HOSTILE}`)).message, /cannot be reached$/);
});

test('a full disk has a code of its own', () => {
  for (const error of [insertError(inProcess(243)), queryError(inProcess(243))]) {
    assert.deepEqual([error.code, error.transient], ['disk_full', true]);
  }
});

test('nothing of the original message, type or cause is passed on, but for faults of a statement', () => {
  for (const original of [overHttp('27'), inProcess(27), inProcess(395), overHttp('457'), new Error(`x ${HOSTILE}`)]) {
    for (const error of [insertError(original), queryError(original)]) {
      assert.doesNotMatch(`${error.message}\n${error.stack}`, /hunter/i);
      assert.equal(error.cause, undefined);
    }
  }
  const long = Object.assign(new Error(`Code: 62. DB::Exception: ${'x'.repeat(5000)}`), { clickhouseCode: 62 });
  assert.match(queryError(long).message, /SYNTAX_ERROR\): x{300}$/);
  assert.doesNotMatch(insertError(long).message, /xx/);
});

test('what is no error of ClickHouse is a store that cannot be reached', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:8123'), { code: 'ECONNREFUSED' });
  const odd = Object.assign(new Error('x'), { code: 'token=hunter2' });
  for (const original of [refused, odd, new Error('socket hang up'), 'text', null, undefined]) {
    const error = insertError(original);
    assert.deepEqual([error.code, error.transient], ['store_unavailable', true]);
    assert.match(error.message, /^the event store cannot be reached(: ECONNREFUSED)?$/);
  }
});
