import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { assertProblem, httpIngestRig } from '../../support/http-ingest-rig.ts';
import { until } from '../../support/sources-rig.ts';

const rig = httpIngestRig();

describe('idempotency keys', { timeout: 20_000 }, () => {
  const key = { 'idempotency-key': 'batch 1' };

  test('a repeat gets the first result, says so, and appends nothing, also after a restart', async () => {
    const first = await rig.post('n1\nbad\n', key);
    assert.equal(first.headers['idempotency-replayed'], undefined);
    const { appends } = rig.bus;
    const second = await rig.post('n1\nbad\n', key);
    await rig.restart({});
    const third = await rig.post('n1\nbad\n', key);
    for (const repeat of [second, third]) {
      assert.equal(repeat.statusCode, 200);
      assert.equal(repeat.headers['idempotency-replayed'], 'true');
      assert.deepEqual(repeat.json(), { accepted: 1, dropped: 0, dead_lettered: 1 });
    }
    assert.equal(rig.bus.appends, appends);
    assert.equal(rig.lines().length, 1);
  });

  test('repeats that come while the first is on its way wait for it and append nothing', async () => {
    rig.bus.hold(true);
    const responses = [rig.post('n1\n', key), rig.post('n1\n', key), rig.post('n1\n', key)];
    await new Promise((resolve) => setTimeout(resolve, 30));
    responses.push(rig.post('n1\n', key));
    await new Promise((resolve) => setTimeout(resolve, 30));
    rig.bus.hold(false);
    const answers = await Promise.all(responses);
    assert.deepEqual(
      answers.map((answer) => answer.json()),
      answers.map(() => ({ accepted: 1, dropped: 0, dead_lettered: 0 })),
    );
    assert.equal(answers.filter((answer) => answer.headers['idempotency-replayed'] === 'true').length, 3);
    assert.equal(rig.lines().length, 1);
  });

  test('a key and its lines become durable together or not at all', async () => {
    rig.bus.hold(true);
    void rig.post('n1\n', key);
    await until(() => rig.intake.pendingBytes() > 0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    rig.crash();
    assert.equal(rig.keys().length, 0);
    const again = await rig.post('n1\n', key);
    assert.equal(again.headers['idempotency-replayed'], undefined);
    assert.equal(rig.lines().length, 1);
    assert.equal(rig.keys().length, 1);
  });

  test('a key is honoured for 24 hours and belongs to its source', async () => {
    await rig.post('n1\n', key);
    rig.nowMs += 24 * 3_600_000 - 1;
    assert.equal((await rig.post('n1\n', key)).headers['idempotency-replayed'], 'true');
    rig.nowMs += 1;
    assert.equal((await rig.post('n1\n', key)).headers['idempotency-replayed'], undefined);
    await rig.restart({ sourceName: 'other' });
    assert.equal((await rig.post('n1\n', key)).headers['idempotency-replayed'], undefined);
    assert.equal(rig.lines().length, 3);
  });

  test('keys are stored as hashes', async () => {
    await rig.post('n1\n', key);
    assert.match(rig.keys()[0] ?? '', /^idem\/[0-9a-f]{64}$/);
    assert.ok(!JSON.stringify([...rig.bus.marks('idem/')]).includes('batch'));
  });
});

describe('back-pressure', { timeout: 20_000 }, () => {
  const key = { 'idempotency-key': 'batch 1' };

  test('while the log is full new requests get 503 with Retry-After, waiting ones too, and their lines are stored later', async () => {
    rig.bus.full(true);
    const waiting = await rig.post('n1\n', key);
    assertProblem(waiting, 503);
    assert.match(String(waiting.headers['retry-after']), /^\d+$/);
    const refused = await rig.post('n2\n');
    assertProblem(refused, 503);
    assertProblem(await rig.post('n1\n', key), 503);
    rig.bus.full(false);
    await until(() => rig.intake.paused() === null && rig.intake.pendingBytes() === 0);
    assert.deepEqual(
      rig.lines().map((line) => line.text),
      ['n1'],
    );
    const repeat = await rig.post('n1\n', key);
    assert.equal(repeat.headers['idempotency-replayed'], 'true');
    assert.deepEqual(repeat.json(), { accepted: 1, dropped: 0, dead_lettered: 0 });
    assert.equal(rig.lines().length, 1);
  });

  test('over sockets: when too many bytes wait, requests are refused before their body is read, and memory is bounded', async () => {
    await rig.restart({ maxPendingBytes: 100_000 });
    const port = await rig.listen();
    const body = 'n1\n'.repeat(10_000);
    const send = () =>
      fetch(`http://127.0.0.1:${port}/v1/ingest`, { method: 'POST', body, headers: { 'content-type': 'text/plain' } });
    rig.bus.hold(true);
    const responses = Array.from({ length: 12 }, send);
    const statuses: number[] = [];
    for (const response of responses) void response.then(({ status }) => statuses.push(status));
    await until(() => statuses.length === 9);
    assert.ok(statuses.every((status) => status === 503));
    assert.equal(rig.intake.pendingBytes(), 90_000);
    rig.bus.hold(false);
    const answers = await Promise.all(responses);
    assert.equal(answers.filter(({ status }) => status === 200).length, 3);
    for (const answer of answers)
      if (answer.status === 503) assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/);
    assert.equal(rig.lines().length, 30_000);
    // What was refused holds no room.
    assert.equal((await send()).status, 200);
  });

  test('over sockets: a body of unknown length is refused as soon as there is no room or it is too large', async () => {
    await rig.restart({ maxPendingBytes: 50_000, maxBodyBytes: 80_000 });
    const port = await rig.listen();
    const send = (bytes: number) =>
      new Promise<number>((resolve, reject) => {
        const request = httpRequest({
          port,
          agent: false,
          method: 'POST',
          path: '/v1/ingest',
          headers: { 'content-type': 'text/plain' },
        });
        request.on('response', (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        // The server may close before all was sent.
        request.on('error', reject);
        for (let sent = 0; sent < bytes; sent += 10_000) request.write('n'.repeat(10_000));
        request.end();
      });
    assert.equal(await send(60_000), 503);
    assert.equal(await send(30_000), 200);
    await rig.restart({ maxPendingBytes: 500_000, maxBodyBytes: 20_000 });
    await rig.listen(port);
    assert.equal(await send(30_000), 413);
    assert.equal(await send(20_000), 200);
  });

  test('over sockets: a client that goes away in the middle of its body leaves no line and holds no room', async () => {
    await rig.restart({ maxPendingBytes: 60_000 });
    const port = await rig.listen();
    for (let i = 0; i < 3; i++) {
      const socket = connect(port, '127.0.0.1');
      socket.write(
        `POST /v1/ingest HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 50000\r\n\r\n${'n1\n'.repeat(9_000)}`,
      );
      await new Promise((resolve) => setTimeout(resolve, 30));
      socket.destroy();
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    const response = await fetch(`http://127.0.0.1:${port}/v1/ingest`, {
      method: 'POST',
      body: 'n1\n'.repeat(15_000),
      headers: { 'content-type': 'text/plain' },
    });
    assert.equal(response.status, 200);
    assert.equal(rig.lines().length, 15_000);
  });
});
