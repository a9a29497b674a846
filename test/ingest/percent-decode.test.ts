import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { decodeForInspection } from '../../ingest/percent-decode.ts';

test('ASCII text is read back from up to three rounds of encoding', () => {
  const ascii = fc.string({ unit: 'binary-ascii', maxLength: 40 }).filter((text) => !text.includes('%'));
  fc.assert(
    fc.property(ascii, fc.integer({ min: 0, max: 3 }), (text, rounds) => {
      let encoded = text;
      for (let i = 0; i < rounds; i++) encoded = encodeURIComponent(encoded);
      assert.equal(decodeForInspection(encoded), text);
    }),
  );
});

test('what is no escape stays, and %u escapes are read', () => {
  assert.equal(decodeForInspection('100% %zz %4 %'), '100% %zz %4 %');
  assert.equal(decodeForInspection('%u0074oken%U003d1'), 'token=1');
  assert.equal(decodeForInspection('%%34%31'), 'A');
  assert.equal(decodeForInspection('%c3%a9'), '\u00c3\u00a9');
});

test('any text is decoded without an error, and never grows', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 6 }),
    fc.constantFrom('%', '%2', '%25', '%u', '%u00', '4', 'f'),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('');
      assert.ok(decodeForInspection(text).length <= text.length);
    }),
  );
});
