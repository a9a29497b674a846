import fc from 'fast-check';

/** Arbitraries of secrets of the shapes that are known, each with the fragment that must not be seen afterwards. */
const alphanumeric = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'];
const letters = alphanumeric.slice(0, 52);
const base64url = [...alphanumeric, '-', '_'];
const capitalsAndDigits = [...alphanumeric.slice(0, 26), ...alphanumeric.slice(52)];

function random(unit: string[], minLength: number, maxLength: number): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...unit), minLength, maxLength });
}

/** Uniform bytes: shrinking or a bias to small values would make them unlike real keys. */
const bytes = (length: number) => fc.noBias(fc.noShrink(fc.uint8Array({ minLength: length, maxLength: length })));

export const opaque: fc.Arbitrary<string> = fc.oneof(
  bytes(16).map((b) => Buffer.from(b).toString('hex')),
  bytes(20).map((b) => Buffer.from(b).toString('hex').toUpperCase()),
  // 64 random bytes: 86 characters; at 32 characters one in a thousand is taken for words.
  bytes(64).map((b) => Buffer.from(b).toString('base64url')),
);

/** `{"alg":"none"}` has 19 characters in base64url, the signature of HS256 43. */
export const jwt: fc.Arbitrary<string> = fc
  .tuple(random(base64url, 16, 40), random(base64url, 4, 60), random(base64url, 43, 86))
  .map(([header, payload, signature]) => `eyJ${header}.${payload}.${signature}`);

export const issuedKey: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom(
      'sk_live_',
      'sk_test_',
      'rk_live_',
      'ghp_',
      'gho_',
      'github_pat_',
      'xoxb-',
      'xoxp-',
      'whsec_',
      'shpat_',
    ),
    random(letters, 16, 30),
  )
  .map(([start, rest]) => `${start}${rest}7`);

export const awsKeyId: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom('AKIA', 'ASIA'), random(capitalsAndDigits, 16, 16))
  .map(([start, rest]) => start + rest);

/** A word that is seen again only when it was not replaced. */
export const word: fc.Arbitrary<string> = random(letters, 8, 20).filter((w) => !/redacted|email/i.test(w));

export const shaped: fc.Arbitrary<string> = fc.oneof(opaque, jwt, issuedKey, awsKeyId);

/** Percent-encodes some characters of a text, chosen by the bits of `mask`. */
export function encodeSome(text: string, mask: number): string {
  return [...text]
    .map((character, i) => {
      const code = character.charCodeAt(0);
      return (mask >>> (i % 31)) & 1 && code < 128 ? `%${code.toString(16).padStart(2, '0')}` : character;
    })
    .join('');
}

/** Changes the case of some letters, chosen by the bits of `mask`. */
export function capitalizeSome(text: string, mask: number): string {
  return [...text].map((c, i) => ((mask >>> (i % 31)) & 1 ? c.toUpperCase() : c)).join('');
}

/** The words of a text. */
export function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

/** Names of parameters that hold secrets. */
export const secretNames = words(`
  token access_token id_token refresh_token api_key apikey key secret password passwd pwd code sig signature auth
  authorization jwt session sid credential X-Amz-Signature X-Amz-Credential X-Amz-Security-Token my_token
  clientSecret JSESSIONID PHPSESSID connect.sid user[password] x-api-key newPassword2 otp pin ticket SAMLResponse
  client_assertion code_verifier AWSAccessKeyId subscription-key csrf hmac id_token_hint sign passphrase
`);
