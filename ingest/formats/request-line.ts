import type { AccessRecord } from '../../schemas/event.ts';
import { hostName } from './host-name.ts';

/** Longest method that is taken for one; the longest registered ones have 17 characters (UPDATEREDIRECTREF). */
const METHOD_MAX_CHARACTERS = 32;

const SLASH = 47;
const STAR = 42;

/**
 * Reads `METHOD target HTTP/x` at text[from, to) into method, path, query and, for an absolute target without a known
 * host, host. The version may be missing (HTTP/0.9, or a line cut by syslog). Anything that is no HTTP request (empty,
 * `-`, TLS bytes, a scanner's word) sets `badRequestLine` and leaves the others null.
 */
export function readRequestLine(text: string, from: number, to: number, record: AccessRecord): void {
  record.path = null;
  record.query = null;
  const blank = text.indexOf(' ', from);
  const method = blank > from && blank < to ? methodAt(text, from, blank) : null;
  record.badRequestLine = method === null || !readTarget(text, blank + 1, endOfTarget(text, to), method, record);
  record.method = record.badRequestLine ? null : method;
}

/** Where the target ends: before ` HTTP/1.1`, ` HTTP/2` and the like, else at the end. */
function endOfTarget(text: string, to: number): number {
  if (text.startsWith(' HTTP/', to - 9)) return to - 9;
  return text.startsWith(' HTTP/', to - 7) ? to - 7 : to;
}

/**
 * Reads a request target, or a URL as a gateway logs it, at text[from, to). Path as sent up to the first `?`, query
 * behind it. False when it is none of the forms of RFC 9112, 3.2; path and query are then null.
 */
export function readTarget(
  text: string,
  from: number,
  to: number,
  method: string | null,
  record: AccessRecord,
): boolean {
  record.path = null;
  record.query = null;
  if (from >= to) return false;
  const first = text.charCodeAt(from);
  if (first === SLASH) splitQuery(text, from, to, record);
  else if (first === STAR && to === from + 1) record.path = '*';
  else if (method === 'CONNECT' && !text.slice(from, to).includes('/')) record.host ??= hostName(text.slice(from, to));
  else return readAbsolute(text, from, to, record);
  return true;
}

function splitQuery(text: string, from: number, to: number, record: AccessRecord): void {
  const mark = text.indexOf('?', from);
  if (mark < 0 || mark >= to) record.path = text.slice(from, to);
  else {
    record.path = text.slice(from, mark);
    record.query = text.slice(mark + 1, to);
  }
}

function readAbsolute(text: string, from: number, to: number, record: AccessRecord): boolean {
  const colon = text.indexOf('://', from);
  if (colon <= from || colon >= to || !isScheme(text, from, colon)) return false;
  const authority = colon + 3;
  let end = authority;
  while (end < to) {
    const c = text.charCodeAt(end);
    // '/', '?', '#'
    if (c === SLASH || c === 63 || c === 35) break;
    end += 1;
  }
  if (record.host === null) {
    const at = text.lastIndexOf('@', end - 1);
    record.host = hostName(text.slice(at >= authority ? at + 1 : authority, end));
  }
  if (text.charCodeAt(end) === SLASH && end < to) splitQuery(text, end, to, record);
  else {
    // An empty path means "/" (RFC 9110, 4.2.3).
    splitQuery(text, end, to, record);
    record.path = '/';
  }
  return true;
}

/** http, https, ws, wss: what an HTTP request can ask for. */
function isScheme(text: string, from: number, to: number): boolean {
  const scheme = to - from <= 5 ? text.slice(from, to).toLowerCase() : '';
  return scheme === 'http' || scheme === 'https' || scheme === 'ws' || scheme === 'wss';
}

/** The method at text[from, to): one of the usual words without making a new string, else any token; null for others. */
export function methodAt(text: string, from: number, to: number): string | null {
  const usual = usualMethod(text.charCodeAt(from), to - from);
  if (usual !== null && text.startsWith(usual, from)) return usual;
  if (to <= from || to - from > METHOD_MAX_CHARACTERS) return null;
  for (let i = from; i < to; i++) if (!isTokenCharacter(text.charCodeAt(i))) return null;
  return text.slice(from, to);
}

/** The one usual method with this first letter and length. */
function usualMethod(first: number, length: number): string | null {
  switch (length) {
    case 3:
      return first === 71 ? 'GET' : 'PUT';
    case 4:
      return first === 80 ? 'POST' : 'HEAD';
    case 5:
      return first === 80 ? 'PATCH' : 'TRACE';
    case 6:
      return 'DELETE';
    case 7:
      return first === 79 ? 'OPTIONS' : 'CONNECT';
    default:
      return null;
  }
}

/** RFC 9110, 5.6.2. */
function isTokenCharacter(c: number): boolean {
  if (c >= 97) return c <= 122 || c === 124 || c === 126;
  if (c >= 65) return c <= 90 || c >= 94;
  if (c >= 48) return c <= 57;
  return c === 33 || (c >= 35 && c <= 39) || c === 42 || c === 43 || c === 45 || c === 46;
}
