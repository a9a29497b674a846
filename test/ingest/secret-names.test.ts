import assert from 'node:assert/strict';
import test from 'node:test';
import { redactQuery } from '../../ingest/redact.ts';
import { secretGrade } from '../../ingest/secret-names.ts';
import { secretNames, words } from '../support/secrets.ts';

// Further names of the kinds above, as OAuth, SAML, cloud signatures and common frameworks write them.
const moreNames = words(`
  accesskey accesskeyid apikey appkey assertion auth authcode authkey authorizationcode awsaccesskeyid bearer
  clientassertion code codeverifier csrf devicecode encryptionkey hmac idtokenhint invitecode key licensekey
  masterkey mfacode oauthverifier otp otpcode pass passcode passphrase passwords pin privatekey pw recoverycode
  resetcode samlart samlrequest samlresponse secretkey secrets securitycode sess sharedkey sign signingkey smscode
  subscriptionkey ticket tokens totp usercode verificationcode xsrf
`);
const endings = words(`
  token secret password passwd passphrase passcode signature credential credentials authorization apikey accesskey
  secretkey privatekey subscriptionkey sessionid sessid jwt hmac assertion cookie _auth _sig .sid -pwd _session _otp
  _pin Auth Sig Sid Pwd Session
`);

test('each name of a secret is known, also behind a prefix where its kind takes one', () => {
  for (const name of [...secretNames, ...moreNames]) {
    assert.equal(redactQuery(`a=1&${name}=x1&b=2`), `a=1&${name}=REDACTED&b=2`, name);
  }
  for (const ending of endings) {
    assert.equal(redactQuery(`my${ending}=x1`), `my${ending}=REDACTED`, ending);
  }
});

test('names that only resemble those of secrets are none', () => {
  for (const name of words(`
    page limit author authority keyword sort_key partition_key country_code status_code max_tokens token_type inside
    sidebar passenger design session_count encoding spin hashtag signal compass
  `)) {
    assert.equal(secretGrade(name), 0, name);
  }
});

test('a name that is a secret only as a parameter is told from one that says secret in itself', () => {
  for (const name of ['key', 'code', 'sig', 'user_auth', 'connect.sid']) assert.equal(secretGrade(name), 1, name);
  for (const name of ['access_token', 'newPassword', 'X-Amz-Signature', 'authorization']) {
    assert.equal(secretGrade(name), 2, name);
  }
});
