import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { createMessageLines, LINES_PER_MESSAGE_MAX } from '../../../ingest/sources/message-lines.ts';

/** What one message at an offset becomes: lines with their positions, and reasons of what was refused. */
function taken(value: string | Buffer, json = true, offset = 3) {
  const lines = createMessageLines(json);
  const count = lines.add(offset, Buffer.from(value));
  const text = lines.bytes.toString().split('\n');
  assert.equal(text.pop(), '', 'the last line ends too');
  assert.equal(text.length, lines.positions.length);
  assert.equal(count, text.length + lines.refused.length);
  return {
    lines: text,
    positions: Array.from(lines.positions, (position) => position - offset * LINES_PER_MESSAGE_MAX),
    reasons: lines.refused.map(({ reason }) => reason),
    refused: lines.refused,
  };
}

const jsonLine = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }).map((object) => JSON.stringify(object));
const plainLine = fc.string({ unit: 'grapheme', minLength: 2 }).map((text) => text.replace(/[\r\n]/g, '-'));

describe('messages of a raw topic', () => {
  test('one line, a line with its end, an array, objects over lines, and archives of them give the same lines', () => {
    const shape = fc.constantFrom('lines', 'lines and end', 'carriage returns', 'array', 'indented');
    fc.assert(
      fc.property(fc.array(jsonLine, { minLength: 1, maxLength: 5 }), shape, fc.boolean(), (objects, form, archive) => {
        const indented = (space: number) => objects.map((one) => JSON.stringify(JSON.parse(one), null, space));
        const message = {
          lines: objects.join('\n'),
          'lines and end': `${objects.join('\n')}\n`,
          'carriage returns': `${objects.join('\r\n')}\r\n`,
          array: `[${indented(1).join(',\n')}]\n`,
          indented: indented(2).join('\n'),
        }[form];
        const { lines, positions, reasons } = taken(archive ? gzipSync(message) : message);
        // JSON.parse and JSON.stringify are the independent reading.
        assert.deepEqual(
          lines.map((line) => JSON.stringify(JSON.parse(line))),
          objects.map((one) => JSON.stringify(JSON.parse(one))),
        );
        assert.deepEqual(
          positions,
          objects.map((_, i) => i),
        );
        assert.deepEqual(reasons, []);
      }),
    );
  });

  test('lines of other formats are kept byte for byte, blank ones between them are none', () => {
    fc.assert(
      fc.property(
        fc.array(plainLine, { minLength: 1, maxLength: 5 }),
        fc.constantFrom('\n', '\n\n', '\n\r\n'),
        (texts, end) => {
          const { lines, positions } = taken(texts.join(end), false);
          assert.deepEqual(lines, texts);
          assert.deepEqual(
            positions,
            texts.map((_, i) => i),
          );
        },
      ),
    );
  });

  test('nothing that a message holds makes it throw, and every non-blank message yields something', () => {
    const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array));
    const piece = fc.constantFrom('[', ']', '{', '}', '"', '\\', ',', '\n', '\r', ' ', 'n', '\u001f\u008b\u0008');
    const jsonLike = fc.array(piece, { maxLength: 20 }).map((pieces) => Buffer.from(pieces.join(''), 'latin1'));
    fc.assert(
      fc.property(fc.oneof(bytes, jsonLike), fc.boolean(), fc.boolean(), (value, json, archive) => {
        const { lines, reasons } = taken(archive ? gzipSync(value) : value, json);
        const blank = /^\s*(\[\s*\]\s*)?$/.test(value.toString('latin1'));
        if (!blank) assert.ok(lines.length + reasons.length > 0);
      }),
    );
  });

  test('a broken archive is refused as such, with its bytes as they came', () => {
    const whole = gzipSync('{"n":1}');
    const cut = whole.subarray(0, whole.length - 9);
    const { lines, reasons, refused } = taken(cut);
    assert.deepEqual([lines, reasons], [[], ['invalid_gzip']]);
    assert.deepEqual(refused[0]?.bytes, cut);
  });

  test('an archive that unfolds beyond 8 MiB is refused, one of 8 MiB is read', () => {
    // 8 MiB, as documented.
    const most = 8 * 1024 * 1024;
    assert.deepEqual(taken(gzipSync(Buffer.alloc(most + 1, 'n')), false).reasons, ['too_long']);
    assert.equal(taken(gzipSync(Buffer.alloc(most, 'n')), false).lines[0]?.length, most);
  });

  test('a broken array is refused whole, a broken line costs only itself', () => {
    assert.deepEqual(taken('[{"n":1},{"n":2}').reasons, ['invalid_json']);
    assert.deepEqual(taken('{\n"n":1,\n"m":{').reasons, ['invalid_json']);
    const { lines, reasons } = taken('{"n":1}\noops\n{"n":2}');
    assert.deepEqual([lines, reasons], [['{"n":1}', 'oops', '{"n":2}'], []]);
  });

  test('a byte-order mark in front hides no array', () => {
    assert.deepEqual(taken('\ufeff[{"n":1},{"n":2}]').lines, ['{"n":1}', '{"n":2}']);
  });

  test('65,536 lines are read, and what is behind them is refused', () => {
    // 65,536 lines, as documented; positions of the next message begin there.
    const most = 65_536;
    const whole = taken('n1\n'.repeat(most), false);
    assert.deepEqual([whole.lines.length, whole.positions.at(-1), whole.reasons], [most, most - 1, []]);
    const more = taken(`${'n1\n'.repeat(most)}n2\nn3\n`, false);
    assert.deepEqual([more.lines.length, more.reasons], [most, ['too_long']]);
    assert.equal(more.refused[0]?.bytes.toString(), 'n2\nn3\n');
  });

  test('memory is used again after a clear, and nothing of before is seen', () => {
    const lines = createMessageLines(true);
    lines.add(0, Buffer.from('{"n":"a long first message"}'));
    lines.add(1, Buffer.from('['));
    lines.clear();
    lines.add(2, Buffer.from('{}'));
    assert.equal(lines.bytes.toString(), '{}\n');
    assert.deepEqual([...lines.positions], [2 * LINES_PER_MESSAGE_MAX]);
    assert.deepEqual(lines.refused, []);
  });

  test('small archives that unfold a lot soon are enough for one hand-over', () => {
    const lines = createMessageLines(false);
    const bomb = gzipSync(Buffer.alloc(2 * 1024 * 1024, 'n'));
    let added = 0;
    for (; !lines.full && added < 100; added++) lines.add(added, bomb);
    // 4 MiB are enough; each unfolds to 2.
    assert.equal(added, 2);
  });
});
