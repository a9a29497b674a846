import { isOpaque } from './opaque-token.ts';
import { decodeForInspection } from './percent-decode.ts';
import { REDACTED } from './redaction-words.ts';
import { OPAQUE_LENGTH } from './secret-scan.ts';

/** `Bearer x`, `Basic x` as in an Authorization header (RFC 6750, 7617), blanks possibly encoded. */
const SCHEME = /\b(bearer|basic)((?:[\s+:]|%20|%2B)+)([A-Za-z0-9._~+/=%-]+)/gi;

/**
 * Keys that say by their beginning what they are, with at least so many characters behind it as to tell them from words.
 * From the issuers' documentation: AWS, Stripe, GitHub, GitLab, Slack, OpenAI and Anthropic, Shopify, Google, Vault,
 * SendGrid, DigitalOcean.
 */
const KNOWN_KEY =
  /(?<![A-Za-z0-9])(?:(?:AKIA|ASIA)[A-Z0-9]{12}|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{4}|gh[opsru]_[A-Za-z0-9]{8}|github_pat_\w{8}|glpat-[\w-]{8}|xox[a-z]-[A-Za-z0-9-]{4}|xapp-[A-Za-z0-9-]{8}|sk-(?:proj|ant|svcacct|admin)-[\w-]{8}|whsec_\w{8}|shp(?:at|ca|pa|ss)_\w{8}|ya29\.[\w-]{8}|hvs\.[\w-]{8}|SG\.[\w-]{16}|AIza[\w-]{16}|dop_v1_\w{8})[\w.-]*/g;

/** Tokens and the dots between their parts; the second also with what standard base64 has beyond base64url. */
const DOTTED_RUN = /[A-Za-z0-9_.~-]{8,}/g;
const DOTTED_BASE64_RUN = /[A-Za-z0-9_.~+/=-]{8,}/g;
/** Parts of a dotted run that are looked at one by one. */
const RUN = /[A-Za-z0-9_+/-]{32,}/g;
const JWT_RUN = /[A-Za-z0-9_.-]{8,}/g;

/** Replaces what stands behind `Bearer` and `Basic`. Linear in the length of the text. */
export function redactSchemes(text: string): string {
  return text.replace(SCHEME, redactScheme);
}

/**
 * Replaces credentials known by their shape: JSON Web Tokens, keys of known issuers, and long random text
 * (opaque-token.ts). `base64` says that '+', '/' and '=' may belong to a token, as in values; in paths they do not.
 * Linear in the length of the text.
 */
export function redactTokens(text: string, base64: boolean): string {
  return text.replace(base64 ? DOTTED_BASE64_RUN : DOTTED_RUN, redactRun);
}

function redactScheme(whole: string, scheme: string, blanks: string, token: string): string {
  const basic = scheme.length === 5;
  return basic && !isBasicValue(token) ? whole : `${scheme}${blanks}${REDACTED}`;
}

/** base64 of `user:password`. The word behind "basic" is seldom that, so it is decoded. */
function isBasicValue(token: string): boolean {
  if (token === REDACTED) return true;
  const clear = Buffer.from(token.includes('%') ? decodeForInspection(token) : token, 'base64');
  const colon = clear.indexOf(58);
  if (colon < 0) return false;
  for (let i = 0; i < colon; i++) if ((clear[i] as number) < 32) return false;
  return true;
}

function redactRun(run: string): string {
  let out = run;
  if (out.includes('eyJ')) out = out.replace(JWT_RUN, redactJwt);
  out = out.replace(KNOWN_KEY, REDACTED);
  return out.length < OPAQUE_LENGTH ? out : out.replace(RUN, redactOpaque);
}

/**
 * A JSON Web Token: three parts or more, of which the first is base64url of `{"`; or cut behind the beginning of the second.
 */
function redactJwt(run: string): string {
  let from = run.indexOf('eyJ');
  while (from > 0 && isAlphanumeric(run.charCodeAt(from - 1))) from = run.indexOf('eyJ', from + 1);
  if (from < 0) return run;
  const dot = run.indexOf('.', from);
  if (dot < 0) return run;
  return run.indexOf('.', dot + 1) > 0 || run.startsWith('eyJ', dot + 1) ? run.slice(0, from) + REDACTED : run;
}

function isAlphanumeric(c: number): boolean {
  return (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 57);
}

function redactOpaque(run: string): string {
  return isOpaque(run, 0, run.length) ? REDACTED : run;
}
