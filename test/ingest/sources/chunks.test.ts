import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { LINE_MAX_BYTES } from '../../../ingest/formats/format.ts';
import { type Chunk, readChunks } from '../../../ingest/sources/chunks.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const folder = temporaryDirectory();
after(() => folder.remove());
const path = join(folder.path, 'access.log');

async function chunksOf(from: string, options: Parameters<typeof readChunks>[1] = {}): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for await (const chunk of readChunks(from, options)) chunks.push(chunk);
  return chunks;
}

const NEWLINE = 10;
/** The smallest chunk that is allowed holds the longest line twice. */
const SMALLEST = 2 * (LINE_MAX_BYTES + 2);

/** Texts with lines of all lengths, a few longer than a smallest chunk. */
const text = fc
  .array(
    fc.record({
      length: fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: 0, max: 300 }) },
        { weight: 3, arbitrary: fc.integer({ min: 1_000, max: LINE_MAX_BYTES }) },
        { weight: 1, arbitrary: fc.integer({ min: LINE_MAX_BYTES, max: 3 * SMALLEST }) },
      ),
      letter: fc.constantFrom('a', 'b', 'ä', '\r'),
    }),
    { maxLength: 30 },
  )
  .chain((lines) => fc.boolean().map((ended) => ({ lines, ended })))
  .map(({ lines, ended }) => {
    const joined = lines.map(({ length, letter }) => letter.repeat(length)).join('\n');
    return Buffer.from(ended && joined !== '' ? `${joined}\n` : joined);
  });

/** Cuts a buffer as a stream may deliver it. */
function pieces(bytes: Buffer, size: number): Buffer[] {
  const cut: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) cut.push(bytes.subarray(at, at + size));
  return cut;
}

function assertChunksCover(chunks: readonly Chunk[], bytes: Buffer, chunkBytes: number): void {
  let position = 0;
  for (const chunk of chunks) {
    assert.equal(chunk.position, position);
    assert.ok(chunk.bytes.length <= chunkBytes);
    assert.ok(chunk.bytes.equals(bytes.subarray(position, position + chunk.bytes.length)), 'other bytes');
    const end = position + chunk.bytes.length;
    if (chunk.bytes.at(-1) === NEWLINE || end === bytes.length) position = end;
    else {
      // A piece of an over-long line: more than the line reader takes, and no line end in what was left out.
      assert.ok(chunk.bytes.length > LINE_MAX_BYTES && !chunk.bytes.includes(NEWLINE));
      const newline = bytes.indexOf(NEWLINE, end);
      assert.ok((newline < 0 ? bytes.length : newline) - position >= SMALLEST);
      position = newline < 0 ? bytes.length : newline + 1;
    }
  }
  assert.equal(position, bytes.length);
}

test('chunks are whole lines that cover the input without gap, at their positions, plain or gzip, file or stream', async () => {
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 100_000 }), async (bytes, size) => {
      writeFileSync(path, bytes);
      assertChunksCover(await chunksOf(path, { chunkBytes: SMALLEST }), bytes, SMALLEST);
      const stdin = Readable.from(pieces(bytes, Math.max(size, Math.ceil(bytes.length / 500))));
      assertChunksCover(await chunksOf('-', { chunkBytes: SMALLEST, stdin }), bytes, SMALLEST);
      const half = Math.floor(bytes.length / 2);
      const zipped = Buffer.concat([gzipSync(bytes.subarray(0, half)), gzipSync(bytes.subarray(half))]);
      writeFileSync(path, zipped);
      assertChunksCover(await chunksOf(path, { chunkBytes: SMALLEST }), bytes, SMALLEST);
      const zippedIn = Readable.from(pieces(zipped, Math.max(1, Math.ceil(zipped.length / 500))));
      assertChunksCover(await chunksOf('-', { chunkBytes: SMALLEST, stdin: zippedIn }), bytes, SMALLEST);
    }),
    { numRuns: 60 },
  );
});

test('a chunk stays as it was when further ones are read', async () => {
  const bytes = Buffer.from(Array.from({ length: 40_000 }, (_, i) => `line ${i}\n`).join(''));
  writeFileSync(path, bytes);
  const chunks = await chunksOf(path, { chunkBytes: SMALLEST });
  assert.ok(chunks.length > 2);
  assert.ok(Buffer.concat(chunks.map((chunk) => chunk.bytes)).equals(bytes));
});

test('gzip members that end where a read ends are all read', async () => {
  // Reads are 32 KiB: the first member is padded to end there, by the file name field of its header (RFC 1952, 2.3.1).
  const plain = gzipSync('first\n', { level: 0 });
  const name = Buffer.alloc(32 * 1024 - plain.length, 'x');
  name[name.length - 1] = 0;
  const header = Buffer.from(plain.subarray(0, 10));
  header[3] = 8;
  const first = Buffer.concat([header, name, plain.subarray(10)]);
  assert.equal(first.length, 32 * 1024);
  writeFileSync(path, Buffer.concat([first, gzipSync('second\n'), gzipSync(''), gzipSync('third\n')]));
  const chunks = await chunksOf(path);
  assert.equal(Buffer.concat(chunks.map((chunk) => chunk.bytes)).toString(), 'first\nsecond\nthird\n');
});

test('zeros behind the last gzip member are passed over, however many', async () => {
  writeFileSync(path, Buffer.concat([gzipSync('one\n'), Buffer.alloc(200_000)]));
  const chunks = await chunksOf(path);
  assert.equal(Buffer.concat(chunks.map((chunk) => chunk.bytes)).toString(), 'one\n');
});

test('of a damaged or cut gzip file the whole lines in front of the damage come first, then an error that names it', async () => {
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i} ${(i * 2_654_435_761) % 4_294_967_296}\n`).join('');
  const zipped = gzipSync(lines);
  const damaged = Buffer.from(zipped);
  damaged.fill(0xff, zipped.length - 5_000, zipped.length - 4_900);
  for (const broken of [zipped.subarray(0, zipped.length - 5_000), damaged]) {
    writeFileSync(path, broken);
    const chunks: Chunk[] = [];
    await assert.rejects(
      async () => {
        for await (const chunk of readChunks(path)) chunks.push(chunk);
      },
      { code: 'source_unreadable', message: /access\.log.*gzip/ },
    );
    const got = Buffer.concat(chunks.map((chunk) => chunk.bytes)).toString();
    assert.ok(
      lines.startsWith(got) && got.endsWith('\n') && got.length > lines.length / 2,
      `${got.length} of ${lines.length}`,
    );
  }
});

test('lines of a pipe come when they are written, not when a chunk is full', async () => {
  const pipe = new PassThrough();
  const chunks = readChunks('-', { stdin: pipe });
  pipe.write('one\ntw');
  const first = await chunks.next();
  assert.equal((first.value as Chunk).bytes.toString(), 'one\n');
  pipe.write('o\nthree\nfo');
  const second = await chunks.next();
  assert.deepEqual([(second.value as Chunk).bytes.toString(), (second.value as Chunk).position], ['two\nthree\n', 4]);
  pipe.end('ur');
  const third = await chunks.next();
  assert.equal((third.value as Chunk).bytes.toString(), 'four');
  assert.equal((await chunks.next()).done, true);
});

test('progress counts the bytes of the file itself, compressed as it is, up to its size', async () => {
  const zipped = gzipSync(Array.from({ length: 50_000 }, (_, i) => `line ${i}\n`).join(''));
  writeFileSync(path, zipped);
  const chunks = await chunksOf(path, { chunkBytes: SMALLEST });
  const read = chunks.map((chunk) => chunk.inputBytes);
  assert.deepEqual(
    read,
    read.toSorted((a, b) => a - b),
  );
  assert.equal(chunks.at(-1)?.inputTotal, zipped.length);
  assert.equal(read.at(-1), zipped.length);
  const [streamed] = await chunksOf('-', { stdin: Readable.from([Buffer.from('a\n')]) });
  assert.deepEqual([streamed?.inputBytes, streamed?.inputTotal], [2, null]);
});

test('empty inputs have no chunks', async () => {
  writeFileSync(path, '');
  assert.deepEqual(await chunksOf(path), []);
  writeFileSync(path, gzipSync(''));
  assert.deepEqual(await chunksOf(path), []);
  assert.deepEqual(await chunksOf('-', { stdin: Readable.from([]) }), []);
});

test('a missing file and a folder are refused with what to change', async () => {
  await assert.rejects(chunksOf(join(folder.path, 'none.log')), {
    code: 'source_unreadable',
    message: /none\.log.*no such file/,
  });
  mkdirSync(join(folder.path, 'logs'));
  await assert.rejects(chunksOf(join(folder.path, 'logs')), { code: 'source_unreadable', message: /logs.*folder/ });
});
