import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { terminalText } from '../../platform/terminal-text.ts';

test('nothing that a terminal obeys comes through', () => {
  assert.equal(terminalText('a\u001b[31mb\nc\u009b\u202ed'), 'a\\u001b[31mb\\u000ac\\u009b\\u202ed');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      // \p{Cc}: controls. \p{Bidi_Control}: what changes the direction of text.
      assert.doesNotMatch(terminalText(text), /[\p{Cc}\p{Bidi_Control}]/u);
    }),
  );
});

test('ordinary text stays as it is', () => {
  for (const text of ['sources[0].format', 'Grüße, 世界', '']) assert.equal(terminalText(text), text);
});
