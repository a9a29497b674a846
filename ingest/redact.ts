import { createBoundedCache, ownCopy } from './bounded-cache.ts';
import { decodeForInspection } from './percent-decode.ts';
import { redactContacts } from './redact-contacts.ts';
import { redactPairs } from './redact-pairs.ts';
import { redactSchemes, redactTokens } from './redact-tokens.ts';
import { REDACTED } from './redaction-words.ts';
import { secretGrade } from './secret-names.ts';
import { ASSIGNMENT, AT, isSuspicious, LONG_RUN, PERCENT, STEM, scanForSecrets, TOKEN_START } from './secret-scan.ts';

/** Passes over a text until it stays the same. Two do for anything sensible; what needs more is dropped as a whole. */
const MAX_PASSES = 4;

/** User agents come again and again, and are long; those already looked at are remembered. */
const CACHED_USER_AGENTS = 4_096;
/** Stands for the user agent itself, which is not kept twice. */
const UNCHANGED = '';
/** A pure function's memory, so it may be shared. */
const userAgents = createBoundedCache<string>(CACHED_USER_AGENTS);

const AMPERSAND = 38;
const SEMICOLON = 59;
const EQUALS = 61;
/** A ';' inside a secret's value ends it only when another parameter begins there. */
const NEXT_PARAMETER = /;[\w.$\-[\]%]{1,64}=/y;

/**
 * A query string with its secrets replaced: values of parameters whose names say secret (secret-names.ts) become
 * `REDACTED`, and anywhere else what gives itself away by its shape: Bearer and Basic values, JSON Web Tokens, keys of
 * known issuers, long random text, the user part of URLs; e-mail addresses become `EMAIL`. Percent-encoding, also
 * repeated, capitals, ';' between parameters and brackets behind a name do not hide a secret. A percent-encoded value
 * that holds a secret inside is replaced as a whole.
 *
 * A query without secrets comes back as it is (the same string). Redacting again changes nothing. Never throws; time is
 * linear in the length. Misses: short secrets under names of other meaning.
 */
export function redactQuery(query: string): string {
  return isSuspicious(scanForSecrets(query, true)) ? settle(query, queryPass) : query;
}

/** A path with its secrets replaced, on the same terms; names count in matrix parameters (`;jsessionid=x`). */
export function redactPath(path: string): string {
  return isSuspicious(scanForSecrets(path, false)) ? settle(path, pathPass) : path;
}

/** A user agent with its secrets replaced, on the same terms. */
export function redactUserAgent(userAgent: string): string {
  const known = userAgents.get(userAgent);
  if (known !== undefined) return known === UNCHANGED ? userAgent : known;
  const clear = isSuspicious(scanForSecrets(userAgent, false)) ? settle(userAgent, textPass) : userAgent;
  userAgents.set(userAgent, clear === userAgent ? UNCHANGED : ownCopy(clear));
  return clear;
}

/** Repeats a pass until the text is stable, which makes redaction idempotent whatever the pieces leave side by side. */
function settle(text: string, pass: (text: string) => string): string {
  let before = text;
  for (let i = 0; i < MAX_PASSES; i++) {
    const after = pass(before);
    if (after === before) return after;
    before = after;
  }
  return REDACTED;
}

function queryPass(query: string): string {
  let out = '';
  let copied = 0;
  const { length } = query;
  for (let from = 0; from < length; ) {
    let equals = -1;
    let end = from;
    for (; end < length; end++) {
      const c = query.charCodeAt(end);
      if (c === AMPERSAND || c === SEMICOLON) break;
      if (c === EQUALS && equals < 0) equals = end;
    }
    if (equals >= 0 && hidesSecret(query.slice(from, equals))) {
      end = secretEnd(query, equals + 1);
      if (end > equals + 1) {
        out += query.slice(copied, equals + 1) + REDACTED;
        copied = end;
      }
    } else {
      const parameter = query.slice(from, end);
      if (isSuspicious(scanForSecrets(parameter, true))) {
        const value = equals < 0 ? from : equals + 1;
        out += query.slice(copied, from);
        if (equals >= 0) out += `${valuePass(query.slice(from, equals))}=`;
        out += valuePass(query.slice(value, end));
        copied = end;
      }
    }
    from = end + 1;
  }
  return copied === 0 && out === '' ? query : out + query.slice(copied);
}

function hidesSecret(name: string): boolean {
  return (scanForSecrets(`${name}=`, false) & (STEM | PERCENT)) !== 0 && secretGrade(name) > 0;
}

/** Where a secret's value ends: at '&', or at a ';' behind which a parameter begins. */
function secretEnd(query: string, from: number): number {
  for (let at = from; at < query.length; at++) {
    const c = query.charCodeAt(at);
    if (c === AMPERSAND) return at;
    if (c === SEMICOLON) {
      NEXT_PARAMETER.lastIndex = at;
      if (NEXT_PARAMETER.test(query)) return at;
    }
  }
  return query.length;
}

function valuePass(value: string): string {
  // Decoding takes nothing suspicious away, so that most encoded values are done with after one look.
  if (value.includes('%') && !isSuspicious(scanForSecrets(decodeForInspection(value), true))) return value;
  return redactShapes(inspectEncoded(value, ''), true, false);
}

function pathPass(path: string): string {
  return redactShapes(inspectEncoded(path, '/'), false, true);
}

function textPass(text: string): string {
  return redactShapes(inspectEncoded(text, ' '), false, false);
}

/** Replaces what is secret in the text as it stands. */
function redactShapes(text: string, base64: boolean, slashEnds: boolean): string {
  const found = scanForSecrets(text, base64);
  if (!isSuspicious(found)) return text;
  let out = text;
  if ((found & TOKEN_START) !== 0) out = redactSchemes(out);
  if ((found & (TOKEN_START | LONG_RUN)) !== 0) out = redactTokens(out, base64);
  if ((found & STEM) !== 0 && (found & ASSIGNMENT) !== 0) out = redactPairs(out, slashEnds);
  return (found & (AT | PERCENT)) !== 0 ? redactContacts(out) : out;
}

/**
 * Replaces each part between separators as a whole that holds a secret once it is decoded: of a token with some characters
 * encoded, no stretch stays. What can be cut out cleanly (addresses, Bearer and Basic values) is.
 */
function inspectEncoded(text: string, separator: string): string {
  if (!text.includes('%')) return text;
  const clear = redactContacts(redactSchemes(text));
  if (!clear.includes('%')) return clear;
  return separator === '' ? inspectPart(clear) : clear.split(separator).map(inspectPart).join(separator);
}

function inspectPart(part: string): string {
  if (!part.includes('%')) return part;
  const decoded = decodeForInspection(part);
  return decoded !== part && redactShapes(decoded, true, false) !== decoded ? REDACTED : part;
}
