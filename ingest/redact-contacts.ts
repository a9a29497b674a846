import { EMAIL, REDACTED } from './redaction-words.ts';

/** '@' as it is or percent-encoded, up to four times over. */
const AT_SIGN = /@|%(?:25){0,3}40/g;
/** Behind the at-sign of a file or package, not of an address: `logo@2x.png`, `vue@3.4.21`. */
const SCALE_OR_VERSION = /^\d+(?:\.\d)?x[.-]|^\d+\.\d/i;
/** A domain has a dot with two letters behind it, at least. */
const DOTTED_LETTERS = /\.(?:[a-z\u0080-\uffff]{2}|xn--)/i;

const SLASH = 47;
const COLON = 58;

/**
 * Replaces e-mail addresses by EMAIL, and the user part of URLs (`//user:password@host`) by REDACTED. The at-sign may be
 * percent-encoded. Of a percent-encoded text before an address some may be lost with it; never part of the address kept.
 * Linear in the length of the text.
 */
export function redactContacts(text: string): string {
  let out = '';
  let copied = 0;
  /** Nothing before this belongs to what is looked at. */
  let floor = 0;
  AT_SIGN.lastIndex = 0;
  for (let match = AT_SIGN.exec(text); match !== null; match = AT_SIGN.exec(text)) {
    const at = match.index;
    const behind = at + match[0].length;
    const user = userPartFrom(text, at, floor);
    if (user >= 0) {
      const lastAt = authorityAt(text, at);
      out += text.slice(copied, user) + REDACTED;
      copied = lastAt;
      floor = lastAt + 1;
      AT_SIGN.lastIndex = Math.max(behind, floor);
      continue;
    }
    let local = at;
    while (local > floor && isLocal(text.charCodeAt(local - 1))) local -= 1;
    const end = domainEnd(text, behind);
    if (local < at && isDomain(text.slice(behind, end))) {
      out += text.slice(copied, local) + EMAIL;
      copied = end;
      floor = end;
      AT_SIGN.lastIndex = end;
    } else floor = behind;
  }
  return copied === 0 && out === '' ? text : out + text.slice(copied);
}

/** Where the user part of a URL begins that ends before `at`, or -1. `:/` counts as `://` whose slashes were merged. */
function userPartFrom(text: string, at: number, floor: number): number {
  let from = at;
  while (from > floor && isUserPart(text.charCodeAt(from - 1))) from -= 1;
  if (from === at || from < 2 || text.charCodeAt(from - 1) !== SLASH) return -1;
  const before = text.charCodeAt(from - 2);
  return before === SLASH || before === COLON ? from : -1;
}

/** The last '@' of the authority in which `at` stands. */
function authorityAt(text: string, at: number): number {
  let last = at;
  for (let i = at; i < text.length && isUserPart(text.charCodeAt(i)); i++) {
    if (text.charCodeAt(i) === 64) last = i;
  }
  return last;
}

/** Everything but blanks, quotes, angle brackets, '#', '&', '/', ';' and '?'. */
function isUserPart(c: number): boolean {
  return (
    c > 32 &&
    !(c === 34 || c === 35 || c === 38 || c === 39 || c === 47 || c === 59 || (c >= 60 && c <= 63 && c !== 61))
  );
}

/** Characters of the part before the at-sign that need no quotes (RFC 5322 atext, '.'), and all beyond ASCII. */
function isLocal(c: number): boolean {
  if ((c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 57) || c > 127) return true;
  // ! # $ % ' * + - . ^ _ ` { | } ~
  return (
    c === 33 ||
    (c >= 35 && c <= 37) ||
    c === 39 ||
    c === 42 ||
    c === 43 ||
    c === 45 ||
    c === 46 ||
    (c >= 94 && c <= 96) ||
    (c >= 123 && c <= 126)
  );
}

/** Behind the last letter, digit, dash or dot (also `%2E`) from `from` on; a dot or dash at the end is not counted. */
function domainEnd(text: string, from: number): number {
  let end = from;
  for (let i = from; i < text.length; ) {
    const c = text.charCodeAt(i);
    if ((c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 57) || c > 127) {
      i += 1;
      end = i;
    } else if (c === 45 || c === 46) i += 1;
    else if (c === 37 && text.charCodeAt(i + 1) === 50 && (text.charCodeAt(i + 2) | 32) === 101) i += 3;
    else break;
  }
  return end;
}

function isDomain(text: string): boolean {
  const domain = text.includes('%') ? text.replaceAll(/%2e/gi, '.') : text;
  return DOTTED_LETTERS.test(domain) && !SCALE_OR_VERSION.test(domain);
}
