import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fastify, { type FastifyInstance } from 'fastify';
import { LINE_MAX_BYTES } from '../../../ingest/formats/format.ts';
import type { Intake } from '../../../ingest/intake.ts';
import { type HttpIngestOptions, registerHttpIngest } from '../../../ingest/sources/http.ts';
import { createSourcesMemoryBus, type SourcesMemoryBus } from '../../support/sources-memory-bus.ts';
import { deadLetters, QUIET_LOG, storedLines, TEST_FORMAT, testIntake } from '../../support/sources-rig.ts';

let bus: SourcesMemoryBus;
let intake: Intake;
let app: FastifyInstance;
let nowMs: number;

beforeEach(() => {
  bus = createSourcesMemoryBus();
  nowMs = 1_732_500_000_000;
  serve();
});

afterEach(async () => {
  bus.hold(false);
  bus.full(false);
  await app.close();
  await intake.close();
});

/** A server on the bus as it is, as after a start of the program. */
function serve(options: Partial<HttpIngestOptions> = {}): void {
  intake = testIntake(bus);
  app = fastify({ forceCloseConnections: true });
  registerHttpIngest(app, {
    intake,
    bus,
    clock: { now: () => nowMs },
    log: QUIET_LOG,
    sourceName: 'push',
    format: TEST_FORMAT,
    token: null,
    ...options,
  });
}

async function serveWith(options: Partial<HttpIngestOptions>): Promise<void> {
  await app.close();
  await intake.close();
  serve(options);
}

function post(payload: string | Buffer, headers: Record<string, string> = {}) {
  return app.inject({
    method: 'POST',
    url: '/v1/ingest',
    payload,
    headers: { 'content-type': 'text/plain', ...headers },
  });
}

const lines = () => storedLines(bus.records).toSorted((a, b) => a.position - b.position);
const texts = () => lines().map((line) => line.text);
const marks = () => [...bus.marks('idem/')];

/** Waits until the condition holds; the test's own time limit ends a wait in vain. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

function assertProblem(response: Awaited<ReturnType<typeof post>>, status: number): void {
  assert.equal(response.statusCode, status, response.body);
  assert.match(String(response.headers['content-type']), /^application\/problem\+json/);
  const problem = response.json();
  assert.equal(problem.status, status);
  assert.equal(typeof problem.title, 'string');
  assert.equal(typeof problem.detail, 'string');
  assert.ok(!response.body.includes('echo-canary'), response.body);
}

describe('lines', { timeout: 20_000 }, () => {
  test('the answer says what became of the lines, and comes when they are durable', async () => {
    const response = await post('n1\n# comment\n\nnonsense\nbad\nn2');
    assert.equal(response.statusCode, 200);
    assert.deepEqual(response.json(), { accepted: 3, dropped: 2, dead_lettered: 1 });
    assert.deepEqual(texts(), ['n1', 'nonsense', 'n2']);
    assert.equal(deadLetters(bus.records).length, 1);
  });

  test('no answer comes before the lines are durable', async () => {
    bus.hold(true);
    let answered = false;
    const response = post('n1\n').then((r) => {
      answered = true;
      return r;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(answered, false);
    bus.hold(false);
    assert.equal((await response).statusCode, 200);
  });

  test('positions count the lines of all requests under one 64-bit source id, and a new start has a new id', async () => {
    await post('n1\nn2\n');
    await post('n3', { 'content-type': 'application/x-ndjson' });
    await post('[{"n":4},{"n":5}]', { 'content-type': 'application/json' });
    await post('');
    await post('n6');
    assert.deepEqual(
      lines().map((line) => line.position),
      [0, 1, 2, 3, 4, 5],
    );
    await serveWith({});
    await post('n7');
    const sources = new Set(lines().map((line) => line.source));
    assert.equal(sources.size, 2);
    for (const source of sources) assert.match(source, /^[1-9]\d{0,19}$/);
  });

  test('a JSON array is one line an element; a bad element costs only itself', async () => {
    const response = await post('[\n {"n": 1},\n {"bad": },\n {\n  "n": 2\n }\n]', {
      'content-type': 'application/json',
    });
    assert.deepEqual(response.json(), { accepted: 1, dropped: 0, dead_lettered: 2 });
    // The test format knows events by their first characters, and white space inside an element is kept.
    assert.deepEqual(texts(), ['{"n": 1}']);
    assert.equal(Buffer.from(deadLetters(bus.records)[0]?.bytes ?? '', 'base64').toString(), '{"bad": }');
  });

  test('a gzip body is inflated', async () => {
    const response = await post(gzipSync('n1\nn2\n'), { 'content-encoding': 'gzip' });
    assert.deepEqual(response.json(), { accepted: 2, dropped: 0, dead_lettered: 0 });
    const json = await post(gzipSync('[{"n":3}]'), { 'content-encoding': 'GZIP', 'content-type': 'application/json' });
    assert.deepEqual(json.json(), { accepted: 1, dropped: 0, dead_lettered: 0 });
  });

  test('a line that is too long goes to the dead letter and costs no other', async () => {
    const response = await post(`n1\nn${'x'.repeat(LINE_MAX_BYTES)}\nn2\n`, { 'idempotency-key': 'long' });
    assert.deepEqual(response.json(), { accepted: 2, dropped: 0, dead_lettered: 1 });
  });
});

describe('refusals', { timeout: 20_000 }, () => {
  test('with a token: only who sends it is let in', async () => {
    await serveWith({ token: 'correct-horse' });
    for (const authorization of [
      '',
      'Bearer',
      'Bearer echo-canary',
      'Bearer correct-hors',
      'Basic correct-horse',
      'correct-horse',
    ]) {
      const response = await post('n1', { authorization });
      assertProblem(response, 401);
      assert.equal(response.headers['www-authenticate'], 'Bearer');
    }
    assert.equal(lines().length, 0);
    assert.equal((await post('n1', { authorization: 'bearer correct-horse' })).statusCode, 200);
  });

  test('an unknown content type or encoding is 415, a damaged body 400, and nothing that was sent comes back', async () => {
    assertProblem(await post('n1', { 'content-type': 'application/echo-canary' }), 415);
    assertProblem(await post('n1', { 'content-type': 'echo-canary' }), 415);
    assertProblem(await app.inject({ method: 'POST', url: '/v1/ingest' }), 415);
    assertProblem(await post('n1', { 'content-encoding': 'echo-canary' }), 415);
    assertProblem(await post('echo-canary', { 'content-encoding': 'gzip' }), 400);
    assertProblem(await post(gzipSync('n1\n').subarray(0, 15), { 'content-encoding': 'gzip' }), 400);
    assertProblem(await post('"echo-canary"', { 'content-type': 'application/json' }), 400);
    assertProblem(await post('[{"n":"echo-canary"}', { 'content-type': 'application/json' }), 400);
    assertProblem(await post('n1', { 'idempotency-key': 'echo-canaryä' }), 400);
    assertProblem(await post('n1', { 'idempotency-key': 'x'.repeat(201) }), 400);
    assertProblem(await post('n1', { 'idempotency-key': '' }), 400);
    assert.equal(bus.records.length, 0);
    assert.equal(marks().length, 0);
  });

  test('a body that is too large is 413, also one that only inflating makes so', async () => {
    await serveWith({ maxBodyBytes: 1_000 });
    assert.equal((await post('n'.repeat(1_000))).statusCode, 200);
    assertProblem(await post('n'.repeat(1_001)), 413);
    const bomb = gzipSync(Buffer.alloc(10_000_000, 'n'));
    await serveWith({ maxBodyBytes: bomb.length * 2 });
    assertProblem(await post(bomb, { 'content-encoding': 'gzip' }), 413);
    assert.equal(lines().length, 1);
  });

  test('an error inside is 500 without its text', async () => {
    await serveWith({
      intake: {
        ...intake,
        paused: () => null,
        pendingBytes: () => 0,
        accept: () => {
          throw new Error('echo-canary');
        },
      },
    });
    assertProblem(await post('n1'), 500);
  });
});

describe('idempotency keys', { timeout: 20_000 }, () => {
  const key = { 'idempotency-key': 'batch 1' };

  test('a repeat gets the first result, says so, and appends nothing, also after a restart', async () => {
    const first = await post('n1\nbad\n', key);
    assert.equal(first.headers['idempotency-replayed'], undefined);
    const { appends } = bus;
    const second = await post('n1\nbad\n', key);
    await serveWith({});
    const third = await post('n1\nbad\n', key);
    for (const repeat of [second, third]) {
      assert.equal(repeat.statusCode, 200);
      assert.equal(repeat.headers['idempotency-replayed'], 'true');
      assert.deepEqual(repeat.json(), { accepted: 1, dropped: 0, dead_lettered: 1 });
    }
    assert.equal(bus.appends, appends);
    assert.equal(lines().length, 1);
  });

  test('repeats that come while the first is on its way wait for it and append nothing', async () => {
    bus.hold(true);
    const responses = [post('n1\n', key), post('n1\n', key), post('n1\n', key)];
    await new Promise((resolve) => setTimeout(resolve, 30));
    responses.push(post('n1\n', key));
    await new Promise((resolve) => setTimeout(resolve, 30));
    bus.hold(false);
    const answers = await Promise.all(responses);
    assert.deepEqual(
      answers.map((answer) => answer.json()),
      answers.map(() => ({ accepted: 1, dropped: 0, dead_lettered: 0 })),
    );
    assert.equal(answers.filter((answer) => answer.headers['idempotency-replayed'] === 'true').length, 3);
    assert.equal(lines().length, 1);
  });

  test('a key and its lines become durable together or not at all', async () => {
    bus.hold(true);
    void post('n1\n', key);
    await until(() => intake.pendingBytes() > 0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    bus = bus.crash();
    assert.equal(marks().length, 0);
    serve();
    const again = await post('n1\n', key);
    assert.equal(again.headers['idempotency-replayed'], undefined);
    assert.equal(lines().length, 1);
    assert.equal(marks().length, 1);
  });

  test('a key is honoured for 24 hours and belongs to its source', async () => {
    await post('n1\n', key);
    nowMs += 24 * 3_600_000 - 1;
    assert.equal((await post('n1\n', key)).headers['idempotency-replayed'], 'true');
    nowMs += 1;
    assert.equal((await post('n1\n', key)).headers['idempotency-replayed'], undefined);
    await serveWith({ sourceName: 'other' });
    assert.equal((await post('n1\n', key)).headers['idempotency-replayed'], undefined);
    assert.equal(lines().length, 3);
  });

  test('keys are stored as hashes', async () => {
    await post('n1\n', key);
    assert.match(marks()[0]?.key ?? '', /^idem\/[0-9a-f]{64}$/);
    assert.ok(!JSON.stringify(marks()).includes('batch'));
  });
});

describe('back-pressure', { timeout: 20_000 }, () => {
  const key = { 'idempotency-key': 'batch 1' };

  test('while the log is full new requests get 503 with Retry-After, waiting ones too, and their lines are stored later', async () => {
    bus.full(true);
    const waiting = await post('n1\n', key);
    assertProblem(waiting, 503);
    assert.match(String(waiting.headers['retry-after']), /^\d+$/);
    const refused = await post('n2\n');
    assertProblem(refused, 503);
    assertProblem(await post('n1\n', key), 503);
    bus.full(false);
    await until(() => intake.paused() === null && intake.pendingBytes() === 0);
    assert.deepEqual(texts(), ['n1']);
    const repeat = await post('n1\n', key);
    assert.equal(repeat.headers['idempotency-replayed'], 'true');
    assert.deepEqual(repeat.json(), { accepted: 1, dropped: 0, dead_lettered: 0 });
    assert.equal(lines().length, 1);
  });

  test('over sockets: when too many bytes wait, requests are refused before their body is read, and memory is bounded', async () => {
    await serveWith({ maxPendingBytes: 100_000 });
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as AddressInfo;
    const body = 'n1\n'.repeat(10_000);
    const send = () =>
      fetch(`http://127.0.0.1:${port}/v1/ingest`, { method: 'POST', body, headers: { 'content-type': 'text/plain' } });
    bus.hold(true);
    const responses = Array.from({ length: 12 }, send);
    const statuses: number[] = [];
    for (const response of responses) void response.then(({ status }) => statuses.push(status));
    await until(() => statuses.length === 9);
    assert.ok(statuses.every((status) => status === 503));
    assert.equal(intake.pendingBytes(), 90_000);
    bus.hold(false);
    const answers = await Promise.all(responses);
    assert.equal(answers.filter(({ status }) => status === 200).length, 3);
    for (const answer of answers)
      if (answer.status === 503) assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/);
    assert.equal(lines().length, 30_000);
    // What was refused holds no room.
    assert.equal((await send()).status, 200);
  });

  test('over sockets: a body of unknown length is refused as soon as there is no room or it is too large', async () => {
    await serveWith({ maxPendingBytes: 50_000, maxBodyBytes: 80_000 });
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as AddressInfo;
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
    await serveWith({ maxPendingBytes: 500_000, maxBodyBytes: 20_000 });
    await app.listen({ host: '127.0.0.1', port });
    assert.equal(await send(30_000), 413);
    assert.equal(await send(20_000), 200);
  });

  test('over sockets: a client that goes away in the middle of its body leaves no line and holds no room', async () => {
    await serveWith({ maxPendingBytes: 60_000 });
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as AddressInfo;
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
    assert.equal(lines().length, 15_000);
  });
});
