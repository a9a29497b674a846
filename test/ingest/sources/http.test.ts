import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { LINE_MAX_BYTES } from '../../../ingest/formats/format.ts';
import { assertProblem, httpIngestRig } from '../../support/http-ingest-rig.ts';
import { deadLetters } from '../../support/sources-rig.ts';

const rig = httpIngestRig();

describe('lines', { timeout: 20_000 }, () => {
  test('the answer says what became of the lines, and comes when they are durable', async () => {
    const response = await rig.post('n1\n# comment\n\nnonsense\nbad\nn2');
    assert.equal(response.statusCode, 200);
    assert.deepEqual(response.json(), { accepted: 3, dropped: 2, dead_lettered: 1 });
    assert.deepEqual(
      rig.lines().map((line) => line.text),
      ['n1', 'nonsense', 'n2'],
    );
    assert.equal(deadLetters(rig.bus.records).length, 1);
  });

  test('no answer comes before the lines are durable', async () => {
    rig.bus.hold(true);
    let answered = false;
    const response = rig.post('n1\n').then((r) => {
      answered = true;
      return r;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(answered, false);
    rig.bus.hold(false);
    assert.equal((await response).statusCode, 200);
  });

  test('positions count the lines of all requests under one 64-bit source id, and a new start has a new id', async () => {
    await rig.post('n1\nn2\n');
    await rig.post('n3', { 'content-type': 'application/x-ndjson' });
    await rig.post('[{"n":4},{"n":5}]', { 'content-type': 'application/json' });
    await rig.post('');
    await rig.post('n6');
    assert.deepEqual(
      rig.lines().map((line) => line.position),
      [0, 1, 2, 3, 4, 5],
    );
    await rig.restart({});
    await rig.post('n7');
    const sources = new Set(rig.lines().map((line) => line.source));
    assert.equal(sources.size, 2);
    for (const source of sources) assert.match(source, /^[1-9]\d{0,19}$/);
  });

  test('a JSON array is one line an element; a bad element costs only itself', async () => {
    const response = await rig.post('[\n {"n": 1},\n {"bad": },\n {\n  "n": 2\n }\n]', {
      'content-type': 'application/json',
    });
    assert.deepEqual(response.json(), { accepted: 1, dropped: 0, dead_lettered: 2 });
    // The test format knows events by their first characters, and white space inside an element is kept.
    assert.deepEqual(
      rig.lines().map((line) => line.text),
      ['{"n": 1}'],
    );
    assert.equal(Buffer.from(deadLetters(rig.bus.records)[0]?.bytes ?? '', 'base64').toString(), '{"bad": }');
  });

  test('a gzip body is inflated', async () => {
    const response = await rig.post(gzipSync('n1\nn2\n'), { 'content-encoding': 'gzip' });
    assert.deepEqual(response.json(), { accepted: 2, dropped: 0, dead_lettered: 0 });
    const json = await rig.post(gzipSync('[{"n":3}]'), {
      'content-encoding': 'GZIP',
      'content-type': 'application/json',
    });
    assert.deepEqual(json.json(), { accepted: 1, dropped: 0, dead_lettered: 0 });
  });

  test('a line that is too long goes to the dead letter and costs no other', async () => {
    const response = await rig.post(`n1\nn${'x'.repeat(LINE_MAX_BYTES)}\nn2\n`, { 'idempotency-key': 'long' });
    assert.deepEqual(response.json(), { accepted: 2, dropped: 0, dead_lettered: 1 });
  });
});

describe('refusals', { timeout: 20_000 }, () => {
  test('with a token: only who sends it is let in', async () => {
    await rig.restart({ token: 'correct-horse' });
    for (const authorization of [
      '',
      'Bearer',
      'Bearer echo-canary',
      'Bearer correct-hors',
      'Basic correct-horse',
      'correct-horse',
    ]) {
      const response = await rig.post('n1', { authorization });
      assertProblem(response, 401);
      assert.equal(response.headers['www-authenticate'], 'Bearer');
    }
    assert.equal(rig.lines().length, 0);
    assert.equal((await rig.post('n1', { authorization: 'bearer correct-horse' })).statusCode, 200);
  });

  test('an unknown content type or encoding is 415, a damaged body 400, and nothing that was sent comes back', async () => {
    assertProblem(await rig.post('n1', { 'content-type': 'application/echo-canary' }), 415);
    assertProblem(await rig.post('n1', { 'content-type': 'echo-canary' }), 415);
    assertProblem(await rig.postNothing(), 415);
    assertProblem(await rig.post('n1', { 'content-encoding': 'echo-canary' }), 415);
    assertProblem(await rig.post('echo-canary', { 'content-encoding': 'gzip' }), 400);
    assertProblem(await rig.post(gzipSync('n1\n').subarray(0, 15), { 'content-encoding': 'gzip' }), 400);
    assertProblem(await rig.post('"echo-canary"', { 'content-type': 'application/json' }), 400);
    assertProblem(await rig.post('[{"n":"echo-canary"}', { 'content-type': 'application/json' }), 400);
    assertProblem(await rig.post('n1', { 'idempotency-key': 'echo-canaryä' }), 400);
    assertProblem(await rig.post('n1', { 'idempotency-key': 'x'.repeat(201) }), 400);
    assertProblem(await rig.post('n1', { 'idempotency-key': '' }), 400);
    assert.equal(rig.bus.records.length, 0);
    assert.equal(rig.keys().length, 0);
  });

  test('a body that is too large is 413, also one that only inflating makes so', async () => {
    const usual = 8 * 1024 * 1024;
    assert.equal((await rig.post('#'.repeat(usual))).statusCode, 200);
    assertProblem(await rig.post('#'.repeat(usual + 1)), 413);
    await rig.restart({ maxBodyBytes: 1_000 });
    assert.equal((await rig.post('n'.repeat(1_000))).statusCode, 200);
    assertProblem(await rig.post('n'.repeat(1_001)), 413);
    const bomb = gzipSync(Buffer.alloc(10_000_000, 'n'));
    await rig.restart({ maxBodyBytes: bomb.length * 2 });
    assertProblem(await rig.post(bomb, { 'content-encoding': 'gzip' }), 413);
    assert.equal(rig.lines().length, 1);
  });

  test('an error inside is 500 without its text', async () => {
    await rig.restart({
      intake: {
        ...rig.intake,
        paused: () => null,
        pendingBytes: () => 0,
        accept: () => {
          throw new Error('echo-canary');
        },
      },
    });
    assertProblem(await rig.post('n1'), 500);
  });
});
