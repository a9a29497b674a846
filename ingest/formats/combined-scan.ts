import { isIP } from 'node:net';
import { peerAddress } from '../ip-address.ts';

const SPACE = 32;
const DASH = 45;
const BACKSLASH = 92;

/**
 * Four words or more before the time: a virtual host in front, or a user name with blanks. The first has an address as
 * second word, or a name where the unused identd word `-` follows; behind a bare address there is no virtual host.
 * `host`, `ident` and `third` are the first three blanks.
 */
export function isVirtualHost(line: string, host: number, ident: number, third: number): boolean {
  const second = line.slice(host + 1, ident);
  if (second === '-') return false;
  if (peerAddress(second) !== null) return true;
  const identIsUnused = third === ident + 2 && line.charCodeAt(ident + 1) === DASH;
  return identIsUnused && isIP(line.slice(0, host)) === 0;
}

/** The next quote that is not escaped and has a blank or the end behind it; -1 when there is none before `end`. */
export function closingQuote(line: string, from: number, end: number): number {
  let at = line.indexOf('"', from);
  while (at >= 0 && at < end) {
    if (at + 1 === end || line.charCodeAt(at + 1) === SPACE) {
      let slashes = 0;
      while (at - slashes > from && line.charCodeAt(at - slashes - 1) === BACKSLASH) slashes += 1;
      if ((slashes & 1) === 0) return at;
    }
    at = line.indexOf('"', at + 1);
  }
  return -1;
}

/** A digit or `-` follows: what a status begins with. */
export function startsStatus(line: string, at: number): boolean {
  const c = line.charCodeAt(at);
  return (c >= 48 && c <= 57) || c === DASH;
}

/** Value of a run of digits, or -1. */
export function digits(line: string, from: number, to: number): number {
  if (to <= from) return -1;
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = line.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}
