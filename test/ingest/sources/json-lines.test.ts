import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jsonToLines } from '../../../ingest/sources/json-lines.ts';

/** The lines of a buffer; the last one may lack its end. */
function splitLines(bytes: Buffer): string[] {
  const split = bytes.toString().split('\n');
  if (split.at(-1) === '') split.pop();
  return split;
}

/** The lines of a body as text; null: refused. */
function linesOf(body: string): string[] | null {
  const lines = jsonToLines(Buffer.from(body));
  if (lines === null) return null;
  const split = splitLines(lines.bytes);
  assert.equal(split.length, lines.count);
  return split;
}

const object = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 4 });
const indent = fc.constantFrom(undefined, 1, '\t');

test('each element of an array is one line that means the same, however the array is written', () => {
  fc.assert(
    fc.property(fc.array(object), indent, (elements, space) => {
      const lines = linesOf(JSON.stringify(elements, null, space));
      assert.deepEqual(
        lines?.map((line) => JSON.parse(line)),
        JSON.parse(JSON.stringify(elements)),
      );
    }),
  );
});

test('an object alone is one line, and so is each of several with white space between', () => {
  fc.assert(
    fc.property(
      fc.array(object, { minLength: 1 }),
      indent,
      fc.constantFrom('\n', ' ', '\r\n\n'),
      (objects, space, gap) => {
        const lines = linesOf(objects.map((o) => JSON.stringify(o, null, space)).join(gap));
        assert.deepEqual(
          lines?.map((line) => JSON.parse(line)),
          JSON.parse(JSON.stringify(objects)),
        );
      },
    ),
  );
});

test('the text of an element is kept as it was sent', () => {
  assert.deepEqual(linesOf(' [ {"n": 12345678901234567890, "n":1e400 } ,\n{"\\u00e4":"\\"]},"}\n] '), [
    '{"n": 12345678901234567890, "n":1e400 }',
    '{"\\u00e4":"\\"]},"}',
  ]);
});

test('an element that is not valid JSON costs only itself', () => {
  assert.deepEqual(linesOf('[{"n":1},{"n":},{n},nul,"text",{"n":2},,3,{"n":3}]'), [
    '{"n":1}',
    '{"n":}',
    '{n}',
    'nul',
    '"text"',
    '{"n":2}',
    '',
    '3',
    '{"n":3}',
  ]);
});

test('a byte-order mark in front is passed over', () => {
  assert.deepEqual(linesOf('\ufeff[{"n":1}]'), ['{"n":1}']);
});

test('an empty array has no lines', () => {
  assert.deepEqual(linesOf(' [ \n ] '), []);
});

test('what is not an object or array to its end is refused', () => {
  for (const body of [
    '',
    ' ',
    '1',
    '"a"',
    'null',
    '[{"n":1}',
    '[{"n":1},',
    '{"n":1',
    '{"n":1} x',
    '{"n":1}{"n":2}',
    '[1] [2]',
    '["a]',
  ]) {
    assert.equal(linesOf(body), null, body);
  }
});

test('no body makes it throw or write beyond the body, and no line holds a line break', () => {
  const piece = fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', '\n', '\r', ' ', 'a', '1', 'ä', '\0');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const body = Buffer.from(pieces.join(''));
      const around = Buffer.concat([body, Buffer.from('untouched')]);
      const lines = jsonToLines(around.subarray(0, body.length));
      assert.equal(around.toString('utf8', body.length), 'untouched');
      if (lines === null) return;
      assert.ok(lines.bytes.length <= body.length);
      assert.equal(splitLines(lines.bytes).length, lines.count);
      assert.ok(!lines.bytes.includes('\r'));
    }),
    { numRuns: 2_000 },
  );
});
