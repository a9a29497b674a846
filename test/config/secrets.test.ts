// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how secrets are named in settings

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { createSecret, keyBytes, readSecret } from '../../config/secrets.ts';

const VALUE = 'correct-horse-battery-staple';
const NO_FILES = (): string => {
  throw Object.assign(new Error(`ENOENT, and ${VALUE}`), { code: 'ENOENT' });
};

test('a secret comes from the environment or from a file, without the line end of the file', () => {
  const fromEnv = readSecret('${env:TOKEN}', 'X', { TOKEN: VALUE }, NO_FILES);
  assert.equal(fromEnv.ok && fromEnv.value.reveal(), VALUE);
  const fromFile = readSecret('${file:/run/token}', 'X', {}, (path) => (path === '/run/token' ? `${VALUE}\n` : ''));
  assert.equal(fromFile.ok && fromFile.value.reveal(), VALUE);
});

test('a secret given in clear is refused with a line that names a place for it, and is not repeated', () => {
  for (const written of [VALUE, `\${env:TOKEN} ${VALUE}`, 4711, `\${vault:${VALUE}}`, null]) {
    const reading = readSecret(written, 'GATEWATCH_INGEST_TOKEN', {}, NO_FILES);
    assert.ok(!reading.ok);
    assert.equal(reading.fix, '${env:GATEWATCH_INGEST_TOKEN} or ${file:/run/secrets/gatewatch_ingest_token}');
    assert.ok(!JSON.stringify(reading).includes(VALUE));
    assert.ok(!JSON.stringify(reading).includes('4711'));
  }
});

test('a place that holds nothing is named together with what is wrong with it', () => {
  const message = (written: string, env = {}, file = NO_FILES): string => {
    const reading = readSecret(written, 'X', env, file);
    return reading.ok ? 'accepted' : reading.message;
  };
  assert.match(message('${env:TOKEN}'), /TOKEN is not set/);
  assert.match(message('${env:TOKEN}', { TOKEN: '' }), /TOKEN is empty/);
  assert.match(message('${env:}'), /not the name/);
  // A name that every object has is no environment variable.
  assert.match(message('${env:constructor}'), /constructor is not set/);
  assert.equal(message('${file:/no/such}'), 'the file /no/such cannot be read (ENOENT)');
  assert.match(message('${file:token}'), /full path/);
  assert.match(
    message('${file:/empty}', {}, () => '\n'),
    /is empty/,
  );
});

test('a secret does not show itself in JSON, templates or inspection', () => {
  const holder = { token: createSecret(VALUE) };
  for (const shown of [JSON.stringify(holder), `${holder.token}`, inspect(holder, { depth: 9, showHidden: true })]) {
    assert.ok(shown.includes('[secret]'), shown);
    assert.ok(!shown.includes(VALUE), shown);
  }
});

test('a key is 32 bytes in hexadecimal, base64 or base64url, and the three give the same bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
      const key = Buffer.from(bytes);
      for (const encoding of ['hex', 'base64', 'base64url'] as const) {
        assert.deepEqual(keyBytes(createSecret(key.toString(encoding))), key);
      }
    }),
  );
});

test('a key of another length or alphabet is none', () => {
  for (const text of [
    '',
    'a'.repeat(63),
    'g'.repeat(64),
    Buffer.alloc(31).toString('base64'),
    Buffer.alloc(33).toString('base64'),
  ]) {
    assert.equal(keyBytes(createSecret(text)), null, text);
  }
});
