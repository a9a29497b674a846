import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSecret } from '../../config/secrets.ts';
import { createLog, HIDDEN, HIDDEN_FIELDS, type LogOptions } from '../../platform/log.ts';
import { GatewatchError } from '../../schemas/errors.ts';

function logInto(options: Partial<LogOptions> & { isTTY?: boolean } = {}) {
  const written: string[] = [];
  const target = { isTTY: options.isTTY ?? false, write: (text: string) => written.push(text) };
  const clock = { now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678) };
  const log = createLog({ level: options.level ?? 'info', target, clock });
  return { log, written, last: () => JSON.parse(written.at(-1) ?? '{}') as Record<string, unknown> };
}

test('a message is one line of JSON with level, UTC time, fields and text', () => {
  const { log, written, last } = logInto();
  log.warn({ cause: 'log_full', partitions: [1, 2] }, 'intake pauses');
  assert.equal(written.length, 1);
  assert.ok(written[0]?.endsWith('}\n'));
  assert.deepEqual(last(), {
    level: 'warn',
    time: '2026-01-02T03:04:05.678Z',
    cause: 'log_full',
    partitions: [1, 2],
    msg: 'intake pauses',
  });
});

test('messages below the level are not written', () => {
  const { log, written } = logInto({ level: 'warn' });
  log.info({}, 'quiet');
  assert.equal(written.length, 0);
  log.error({}, 'loud');
  assert.equal(written.length, 1);
});

test('a field that could identify somebody is hidden at every depth, and a pseudonym is not', () => {
  const { log, written, last } = logInto();
  for (const name of HIDDEN_FIELDS) {
    log.info({ [name]: 'alice', [name.toUpperCase()]: 'alice', deep: { list: [{ [name]: { x: 'alice' } }] } }, 'x');
    assert.ok(!written.at(-1)?.includes('alice'), name);
    assert.equal(last()[name], HIDDEN, name);
  }
  log.info({ identity: 'KZ4vHqQ9l0aYtq1m3s5u7w' }, 'x');
  assert.equal(last().identity, 'KZ4vHqQ9l0aYtq1m3s5u7w');
});

test('a wrapped secret does not come out, whatever its field is called', () => {
  const { log, written } = logInto();
  log.info({ settings: { anything: createSecret('hunter2-hunter2') } }, 'x');
  assert.ok(!written[0]?.includes('hunter2'));
});

test('the message of an error that this program did not write is left out: it may quote its input', () => {
  const { log, last, written } = logInto();
  let caught: unknown;
  try {
    JSON.parse('{"password": alice}');
  } catch (error) {
    caught = error;
  }
  log.error({ err: new Error('alice', { cause: caught }) }, 'failed');
  assert.ok(!written[0]?.includes('alice'), written[0]);
  const err = last().err as { name: string; stack: string[]; cause: { name: string } };
  assert.equal(err.name, 'Error');
  assert.equal(err.cause.name, 'SyntaxError');
  assert.ok(err.stack[0]?.includes('log.test'));
});

test('of an own error the code and the message are kept, of a system error the code and the call', () => {
  const { log, last } = logInto();
  log.error({ err: new GatewatchError('store_locked', 'another process has the store open') }, 'failed');
  const own = last().err as Record<string, unknown>;
  assert.equal(own.code, 'store_locked');
  assert.equal(own.message, 'another process has the store open');
  log.error(
    { err: Object.assign(new Error('no such file /home/alice'), { code: 'ENOENT', syscall: 'open' }) },
    'failed',
  );
  const system = last().err as Record<string, unknown>;
  assert.equal(system.code, 'ENOENT');
  assert.equal(system.syscall, 'open');
  assert.equal(system.message, undefined);
});

test('strange fields are written in bounds and do not throw', () => {
  const { log, written } = logInto();
  const circle: Record<string, unknown> = {};
  circle.again = circle;
  const error = new Error('x');
  error.cause = error;
  log.info({ circle, error, big: 10n, bytes: Buffer.alloc(9), date: new Date(Number.NaN), gone: undefined }, 'x');
  assert.ok((written[0]?.length ?? 0) < 20_000);
  assert.ok(written[0]?.includes('[9 bytes]'));
});

test('on a terminal a message is one readable line without control characters', () => {
  const { log, written } = logInto({ isTTY: true });
  log.warn({ cause: 'log_full', note: 'a\u001b[31m b\u009b' }, 'intake\npauses');
  assert.equal(written[0], '03:04:05.678 WARN  intake\\u000apauses cause=log_full note="a\\u001b[31m b\\u009b"\n');
});
