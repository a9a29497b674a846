import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';
import fc from 'fast-check';
import { isOpaque } from '../../ingest/opaque-token.ts';

function opaque(text: string): boolean {
  return isOpaque(text, 0, text.length);
}

test('random text of 32 characters is told from words, nearly always', () => {
  const samples = 5_000;
  let hexadecimal = 0;
  let base64url = 0;
  for (let i = 0; i < samples; i++) {
    const random = createHash('sha256').update(`sample ${i}`).digest();
    if (!opaque(random.toString('hex', 0, 16))) hexadecimal += 1;
    if (!opaque(random.toString('base64url', 0, 24))) base64url += 1;
  }
  assert.equal(hexadecimal, 0);
  // One in a thousand is expected to be missed; 15 of 5,000 are more than four standard deviations above that.
  assert.ok(base64url <= 15, `${base64url} missed`);
});

test('keys with few digits are opaque too', () => {
  // The first is the example key of the AWS documentation.
  assert.ok(opaque('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'));
  assert.ok(opaque('cnIaLxaZjbQrVrxICHANHrjUngbwzrSg'));
  assert.ok(opaque('MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U'));
  assert.ok(opaque('MFRGGZDFMZTWQLKNNWGTPOBYXEUVWXYZ'));
});

test('words are not, however long and however joined', () => {
  for (const text of [
    'how-to-configure-your-gateway-in-2024-the-complete-guide',
    'How-To-Plan-A-Trip-In-2024-And-Back-Again',
    'getUserAccountTransactionHistoryById',
    'SAVE_UPDATED_TRANSACTION_STATUS_CODE_2',
    'HTTP2-TLS-Config-For-API-Gateway-And-DNS',
    'iphone-15-pro-max-256gb-vs-galaxy-s24-ultra',
    'account/settings/security/two-factor/setup',
    'prod-eu-west-1a-k8s-node-pool-2-m5-xlarge',
    'donaudampfschifffahrtsgesellschaftskapitaen',
  ]) {
    assert.ok(!opaque(text), text);
  }
});

test('UUIDs are ids, alone, in a row and with a word around them; a random tail behind one is not', () => {
  fc.assert(
    fc.property(fc.array(fc.uuid(), { minLength: 1, maxLength: 4 }), (uuids) => {
      assert.ok(!opaque(uuids.join('_')));
      assert.ok(!opaque(`job-${uuids.join('/')}-retry`));
      assert.ok(opaque(`${uuids[0]}-d41d8cd98f00b204e9800998ecf8427e`));
    }),
  );
});

test('only the part between the bounds is looked at, and short text is never opaque', () => {
  const key = 'd41d8cd98f00b204e9800998ecf8427e';
  assert.ok(isOpaque(`x.${key}.y`, 2, 34));
  assert.ok(!isOpaque(`x.${key}.y`, 2, 33));
  fc.assert(fc.property(fc.string({ maxLength: 31 }), (text) => !opaque(text)));
});
