import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { createBoundedCache } from './bounded-cache.ts';

/** Longest text of an IPv6 address: eight groups, the last two in dotted form (RFC 4291, 2.2). */
const IPV6_MAX_CHARACTERS = 45;
/** Addresses a generation of the memory holds. Clients come back; twice as many entries are about 2 MB. */
const CACHED_ADDRESSES = 8_192;

const DOT = 46;
const COLON = 58;
const ZERO = 48;
const OPEN_BRACKET = 91;
const PERCENT = '%';

/** Canonical text by text as written; '' stands for "not an address". A pure function's memory, so it may be shared. */
const canonicalIpv6 = createBoundedCache<string>(CACHED_ADDRESSES);

/** True for four decimal numbers to 255 without leading zeros: nothing that inet_aton would also take, such as 0x7f.1. */
export function isPlainIpv4(text: string): boolean {
  return ipv4End(text, 0, text.length) === text.length;
}

/** Index behind the dotted IPv4 address that begins at `from`, or -1. */
function ipv4End(text: string, from: number, to: number): number {
  let at = from;
  for (let part = 0; part < 4; part++) {
    if (part > 0) {
      if (text.charCodeAt(at) !== DOT) return -1;
      at += 1;
    }
    const start = at;
    let value = 0;
    while (at < to && at - start < 3) {
      const digit = text.charCodeAt(at) - ZERO;
      if (!(digit >= 0 && digit <= 9)) break;
      value = value * 10 + digit;
      at += 1;
    }
    const digits = at - start;
    if (digits === 0 || value > 255 || (digits > 1 && text.charCodeAt(start) === ZERO)) return -1;
  }
  return at;
}

/**
 * The canonical text of an address as gateways write it: `1.2.3.4`, `1.2.3.4:80`, `2001:db8::1`, `[2001:db8::1]`,
 * `[2001:db8::1]:443`. IPv6 in lower case and shortest form (RFC 5952); IPv4 mapped into IPv6 becomes IPv4. Blanks around
 * it are allowed. Null for everything else, and for anything with a zone id, which can carry any text.
 *
 * Misses: IPv6 with a port but no brackets, which cannot be told from an address.
 */
export function canonicalAddress(text: string): string | null {
  const first = text.charCodeAt(0);
  if (first >= ZERO && first <= ZERO + 9) {
    const end = ipv4End(text, 0, text.length);
    if (end === text.length) return text;
    if (end > 0 && text.charCodeAt(end) === COLON && isPort(text, end + 1)) return text.slice(0, end);
  }
  if (first === OPEN_BRACKET) {
    const close = text.indexOf(']');
    if (close < 0) return null;
    const tail = close + 1 === text.length || (text.charCodeAt(close + 1) === COLON && isPort(text, close + 2));
    return tail ? ipv6(text.slice(1, close)) : null;
  }
  const trimmed = text.trim();
  return trimmed === text ? ipv6(text) : canonicalAddress(trimmed);
}

/**
 * The same for the peer that a gateway reports from its own socket, where a zone id is the interface and no claim of
 * the client: it is cut off.
 */
export function peerAddress(text: string): string | null {
  const zone = text.indexOf(PERCENT);
  return zone < 0 ? canonicalAddress(text) : canonicalAddress(text.slice(0, zone));
}

function isPort(text: string, from: number): boolean {
  const digits = text.length - from;
  if (digits < 1 || digits > 5) return false;
  for (let i = from; i < text.length; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (!(digit >= 0 && digit <= 9)) return false;
  }
  return true;
}

function ipv6(text: string): string | null {
  if (text.length > IPV6_MAX_CHARACTERS || text.length < 2 || !text.includes(':')) return null;
  const cached = canonicalIpv6.get(text);
  if (cached !== undefined) return cached === '' ? null : cached;
  const canonical = text.includes(PERCENT) || !isIPv6(text) ? null : parseIpv6(text);
  canonicalIpv6.set(text, canonical ?? '');
  return canonical;
}

function parseIpv6(text: string): string | null {
  const address = ipaddr.IPv6.parse(text);
  if (!address.isIPv4MappedAddress()) return address.toRFC5952String();
  // The library reads the obsolete `::1.2.3.4` as if it were mapped.
  return text.toLowerCase().includes('ffff') ? address.toIPv4Address().toString() : null;
}
