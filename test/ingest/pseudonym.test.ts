import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test from 'node:test';
import fc from 'fast-check';
import { canonical, createPseudonymizer, PSEUDONYM_CACHED_LENGTH } from '../../ingest/pseudonym.ts';
import { GatewatchError } from '../../schemas/errors.ts';
import { IDENTITY_KINDS, type IdentityKind, PSEUDONYM_LENGTH } from '../../schemas/identity.ts';
import vectors from './vectors/pseudonym.json' with { type: 'json' };

// The vectors come from Python's hmac and base64 modules: vectors/make.py.
const key = Uint8Array.from(Buffer.from(vectors.keyHex, 'hex'));

/** The definition, by the one-call HMAC of node:crypto and a cut of the bytes. */
function byDefinition(tenant: string, kind: IdentityKind, value: string): string {
  const text = `${tenant}/${kind}/${canonical(kind, value)}`;
  return createHmac('sha256', key).update(text).digest().subarray(0, 16).toString('base64url');
}

test('pseudonyms and canonical forms are those of an independent implementation, first asked and from the cache', () => {
  for (const row of vectors.rows) {
    const kind = row.kind as IdentityKind;
    const { pseudonym } = createPseudonymizer({ key, tenant: row.tenant });
    assert.equal(canonical(kind, row.value), row.canonical);
    assert.equal(pseudonym(kind, row.value), row.pseudonym);
    assert.equal(pseudonym(kind, row.value), row.pseudonym);
  }
});

test('the pseudonym is the same function whatever the length, the characters and the state of the cache', () => {
  const { pseudonym } = createPseudonymizer({ key, tenant: 'acme', cacheEntries: 4 });
  const value = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 10 }).map((units) => String.fromCharCode(...units)),
    fc
      .tuple(fc.constantFrom('x', 'é', '漢', '😀'), fc.constantFrom(-1, 0, 1))
      .map(([unit, more]) => unit.repeat(Math.floor((PSEUDONYM_CACHED_LENGTH + more) / unit.length))),
    fc.ipV4(),
    fc.ipV6(),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(...IDENTITY_KINDS), value), { maxLength: 20 }), (identities) => {
      for (const [kind, clear] of [...identities, ...identities]) {
        const made = pseudonym(kind, clear);
        assert.equal(made, byDefinition('acme', kind, clear));
        assert.equal(made.length, PSEUDONYM_LENGTH);
        assert.match(made, /^[A-Za-z0-9_-]+$/);
      }
    }),
  );
});

test('the same value has another pseudonym under another tenant, kind or key', () => {
  const other = Uint8Array.from(key, (byte) => byte ^ 1);
  const made = new Set([
    ...IDENTITY_KINDS.map((kind) => createPseudonymizer({ key, tenant: 'a' }).pseudonym(kind, 'x')),
    createPseudonymizer({ key, tenant: 'b' }).pseudonym('user', 'x'),
    createPseudonymizer({ key: other, tenant: 'a' }).pseudonym('user', 'x'),
  ]);
  assert.equal(made.size, IDENTITY_KINDS.length + 2);
});

test('spellings of one address share a pseudonym', () => {
  const { pseudonym } = createPseudonymizer({ key, tenant: 'default' });
  const spellings = ['2001:db8::1', '2001:DB8::1', '2001:0db8:0:0:0:0:0:1', '2001:db8:0:0::1'];
  assert.equal(new Set(spellings.map((text) => pseudonym('ip', text))).size, 1);
  assert.equal(pseudonym('ip', '::ffff:192.0.2.1'), pseudonym('ip', '192.0.2.1'));
});

test('a change of the key array after creation changes nothing', () => {
  const mine = Uint8Array.from(key);
  const { pseudonym } = createPseudonymizer({ key: mine, tenant: 'default' });
  mine.fill(0);
  const long = 'x'.repeat(PSEUDONYM_CACHED_LENGTH + 1);
  assert.equal(pseudonym('user', 'alice'), byDefinition('default', 'user', 'alice'));
  assert.equal(pseudonym('token', long), byDefinition('default', 'token', long));
});

test('a key of another length, and a tenant that would make the text ambiguous, are refused without quoting the key', () => {
  const refused = (error: unknown) => error instanceof GatewatchError && error.code === 'config_invalid';
  assert.throws(() => createPseudonymizer({ key: key.subarray(1), tenant: 'default' }), refused);
  assert.throws(() => createPseudonymizer({ key, tenant: 'a/user' }), refused);
  assert.throws(() => createPseudonymizer({ key, tenant: '' }), refused);
});
