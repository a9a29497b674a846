import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { unescapeLog } from '../../../ingest/formats/log-escapes.ts';

const hex = (byte: number, upper: boolean) => {
  const digits = byte.toString(16).padStart(2, '0');
  return `\\x${upper ? digits.toUpperCase() : digits}`;
};

/** ngx_http_log_escape: quote, backslash and everything below 0x20 and above 0x7E as \xHH. */
function escapeAsNginx(text: string): string {
  return [...Buffer.from(text, 'utf8')]
    .map((b) => (b < 0x20 || b > 0x7e || b === 0x22 || b === 0x5c ? hex(b, true) : String.fromCharCode(b)))
    .join('');
}

/** ap_escape_logitem: the same, but quote, backslash and white space as C escapes. */
function escapeAsApache(text: string): string {
  const short = new Map([...'\b\n\r\t\v"\\'].map((c, i) => [c.charCodeAt(0), `\\${'bnrtv"\\'[i]}`]));
  return [...Buffer.from(text, 'utf8')]
    .map((b) => short.get(b) ?? (b < 0x20 || b > 0x7e ? hex(b, false) : String.fromCharCode(b)))
    .join('');
}

test('what NGINX and Apache escape comes back as it was', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: fc.constantFrom('"', '\\', 'x', '4', '1', '\n', 'é', '\u0000') }),
  );
  fc.assert(
    fc.property(text, (original) => {
      assert.equal(unescapeLog(escapeAsNginx(original)), original);
      assert.equal(unescapeLog(escapeAsApache(original)), original);
    }),
  );
});

test('bytes that are not UTF-8 become the replacement character, and the rest stays', () => {
  assert.equal(unescapeLog('a\\xFFb'), 'a\ufffdb');
  assert.equal(unescapeLog('caf\\xc3\\xa9 \\xc3'), 'café \ufffd');
});

test('what is no escape is kept', () => {
  for (const text of ['\\', 'a\\', '\\q', '\\x', '\\x4', '\\xZZ', 'C:\\dir']) assert.equal(unescapeLog(text), text);
});
