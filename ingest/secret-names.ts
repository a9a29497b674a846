import { createBoundedCache } from './bounded-cache.ts';
import { decodeForInspection } from './percent-decode.ts';

/**
 * Names of parameters whose values are secrets. Compared in lower case without anything but letters and digits, so that
 * `Access-Token`, `accessToken` and `access_token` are one.
 */
const EXACT = new Set([
  'accesskey',
  'accesskeyid',
  'apikey',
  'appkey',
  'assertion',
  'auth',
  'authcode',
  'authkey',
  'authorizationcode',
  'awsaccesskeyid',
  'bearer',
  'clientassertion',
  'code',
  'codeverifier',
  'csrf',
  'devicecode',
  'encryptionkey',
  'hmac',
  'idtokenhint',
  'invitecode',
  'key',
  'licensekey',
  'masterkey',
  'mfacode',
  'oauthverifier',
  'otp',
  'otpcode',
  'pass',
  'passcode',
  'passphrase',
  'passwords',
  'pin',
  'privatekey',
  'pw',
  'recoverycode',
  'resetcode',
  'samlart',
  'samlrequest',
  'samlresponse',
  'secretkey',
  'secrets',
  'securitycode',
  'sess',
  'sharedkey',
  'sign',
  'signingkey',
  'smscode',
  'subscriptionkey',
  'ticket',
  'tokens',
  'totp',
  'usercode',
  'verificationcode',
  'xsrf',
]);

/** Endings that say secret whatever stands before them: `my_token`, `clientSecret`, `PHPSESSID`. */
const ENDINGS = [
  'token',
  'secret',
  'password',
  'passwd',
  'passphrase',
  'passcode',
  'signature',
  'credential',
  'credentials',
  'authorization',
  'apikey',
  'accesskey',
  'secretkey',
  'privatekey',
  'subscriptionkey',
  'sessionid',
  'sessid',
  'jwt',
  'hmac',
  'assertion',
  'cookie',
] as const;

/** Says secret anywhere: `password_confirmation`, `newPassword2`. */
const PARTS = ['password', 'passwd'] as const;

/** Says secret as the last word of a name only: `user_auth`, `connect.sid`; not `author`, `inside`. */
const LAST_WORDS = new Set([
  'auth',
  'jwt',
  'otp',
  'password',
  'pin',
  'pwd',
  'secret',
  'session',
  'sid',
  'sig',
  'token',
]);

/** Longer names are looked at by their last characters; brackets and digits behind the name are few. */
const NAME_MAX_LENGTH = 128;

export type SecretGrade = 0 | 1 | 2;

/** Names that an API's parameters have, a generation. */
const CACHED_NAMES = 1_024;

/** A pure function's memory, so it may be shared. */
const grades = createBoundedCache<SecretGrade>(CACHED_NAMES, NAME_MAX_LENGTH);

/**
 * How surely a name says that its value is a secret: 2 in itself (`access_token`, `newPassword`), 1 as a parameter's name
 * (`key`, `code`, `sig`), 0 not. The name is as sent: percent-encoding, capitals, `token[]`, `user[password]`, `$token`
 * and `token_2` do not hide it. Keys and codes that are known not to be secret (`sort_key`, `country_code`) are 0.
 *
 * Misses: secrets under names of other meaning.
 */
export function secretGrade(raw: string): SecretGrade {
  const known = grades.get(raw);
  if (known !== undefined) return known;
  const grade = gradeOf(raw);
  grades.set(raw, grade);
  return grade;
}

function gradeOf(raw: string): SecretGrade {
  const decoded = raw.includes('%') ? decodeForInspection(raw) : raw;
  const name = decoded.length > NAME_MAX_LENGTH ? decoded.slice(-NAME_MAX_LENGTH) : decoded;
  const words = name.match(/[A-Za-z]+/g);
  if (words === null) return 0;
  const flat = words.join('').toLowerCase();
  for (const ending of ENDINGS) if (flat.endsWith(ending)) return 2;
  for (const part of PARTS) if (flat.includes(part)) return 2;
  if (EXACT.has(flat)) return 1;
  const last = words[words.length - 1] as string;
  return LAST_WORDS.has(last.toLowerCase()) || LAST_WORDS.has(lastWord(last)) ? 1 : 0;
}

/** The part behind the last change from small to capital letters, in lower case: `userAuth` -> `auth`. */
function lastWord(word: string): string {
  for (let i = word.length - 1; i > 0; i--) {
    if (isCapital(word.charCodeAt(i)) && !isCapital(word.charCodeAt(i - 1))) return word.slice(i).toLowerCase();
  }
  return word.toLowerCase();
}

function isCapital(c: number): boolean {
  return c >= 65 && c <= 90;
}
