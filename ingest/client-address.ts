import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { GatewatchError } from '../schemas/errors.ts';
import type { AccessRecord } from '../schemas/event.ts';
import { createBoundedCache } from './bounded-cache.ts';
import { canonicalAddress, isPlainIpv4 } from './ip-address.ts';

/**
 * Loopback, private, carrier-grade NAT, unique local and link-local ranges (RFC 1122, 1918, 6598, 4193, 3927, 4291):
 * what the word `private_ranges` in a trust list stands for.
 */
export const PRIVATE_RANGES: readonly string[] = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
];

/** X-Forwarded-For entries that are looked at, from the right; real chains have a handful of proxies. */
export const FORWARDED_MAX_ENTRIES = 64;

/** IPv6 addresses whose trust is remembered, per generation. */
const CACHED_VERDICTS = 4_096;

const MAPPED_PREFIX_BITS = 96;
const PRIVATE_WORD = 'private_ranges';
const UNIX_SOCKET = 'unix:';

/** What the rules need to know of a record. */
export type AddressClaims = Pick<AccessRecord, 'peer' | 'peerRaw' | 'forwardedFor'>;

/**
 * Makes the function that says whose request it was. `trusted` holds CIDR ranges and addresses of our own proxies, the
 * word `private_ranges`, and `unix:` for a proxy that connects through a Unix socket.
 *
 * The function starts from the TCP peer. X-Forwarded-For is only a claim, believed as far as the address that wrote it
 * is trusted: walking `entries + peer` from the right, the first address that is not trusted is the client; when all
 * are trusted, the leftmost; an entry that is no address ends the walk at the address to its right. Canonical text, or
 * null when the peer is no address.
 *
 * Misses: when the gateway itself replaced the peer before logging (NGINX realip, mod_remoteip, Kong trusted_ips), the
 * true peer is gone and the gateway's choice stands.
 *
 * Throws GatewatchError `config_invalid` for an entry of the list that cannot be read.
 */
export function createClientAddress(trusted: readonly string[]): (claims: AddressClaims) => string | null {
  const isTrusted = compileTrust(trusted);
  const trustsNobody = trusted.length === 0;
  const trustsUnix = trusted.includes(UNIX_SOCKET);

  return function clientAddress({ peer, peerRaw, forwardedFor }) {
    if (trustsNobody || forwardedFor === null) return peer;
    if (peer === null ? !(trustsUnix && peerRaw?.startsWith(UNIX_SOCKET)) : !isTrusted(peer)) return peer;
    let client = peer;
    for (let i = forwardedFor.length - 1; i >= 0; i--) {
      const address = canonicalAddress(forwardedFor[i] as string);
      if (address === null) break;
      client = address;
      if (!isTrusted(address)) break;
    }
    return client;
  };
}

/**
 * Appends the entries of a logged X-Forwarded-For value to `into`, in order, without the blanks around them: the
 * rightmost FORWARDED_MAX_ENTRIES, since those are nearest to us. Several header lines are appended one after another.
 */
export function splitForwardedFor(text: string, into: string[]): void {
  let from = text.length > 2 * FORWARDED_MAX_ENTRIES ? lastEntries(text) : 0;
  let comma = text.indexOf(',', from);
  while (comma >= 0) {
    into.push(text.slice(from, comma).trim());
    from = comma + 1;
    comma = text.indexOf(',', from);
  }
  into.push(text.slice(from).trim());
  if (into.length > FORWARDED_MAX_ENTRIES) into.splice(0, into.length - FORWARDED_MAX_ENTRIES);
}

/** Where the last FORWARDED_MAX_ENTRIES entries begin: a header of thousands of commas costs no more than a long one. */
function lastEntries(text: string): number {
  let comma = text.length;
  for (let entry = 0; entry < FORWARDED_MAX_ENTRIES; entry++) {
    if (comma === 0) return 0;
    comma = text.lastIndexOf(',', comma - 1);
    if (comma < 0) return 0;
  }
  return comma + 1;
}

interface Ipv4Range {
  readonly base: number;
  readonly mask: number;
}

function compileTrust(list: readonly string[]): (address: string) => boolean {
  const ipv4: Ipv4Range[] = [];
  const ipv6: [ipaddr.IPv6, number][] = [];
  for (const entry of list.flatMap((item) => (item === PRIVATE_WORD ? PRIVATE_RANGES : item))) {
    if (entry === UNIX_SOCKET) continue;
    const [address, bits] = parseRange(entry);
    if (address instanceof ipaddr.IPv4) {
      const mask = bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0;
      ipv4.push({ base: (ipv4Number(address.toString()) & mask) >>> 0, mask });
    } else ipv6.push([address, bits]);
  }
  const verdicts = createBoundedCache<boolean>(CACHED_VERDICTS);

  return function isTrusted(address) {
    if (isPlainIpv4(address)) {
      const number = ipv4Number(address);
      for (const range of ipv4) if ((number & range.mask) >>> 0 === range.base) return true;
      return false;
    }
    if (ipv6.length === 0) return false;
    const known = verdicts.get(address);
    if (known !== undefined) return known;
    const parsed = ipaddr.IPv6.parse(address);
    const verdict = ipv6.some(([base, bits]) => parsed.match(base, bits));
    verdicts.set(address, verdict);
    return verdict;
  };
}

function parseRange(entry: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  const slash = entry.indexOf('/');
  const text = slash < 0 ? entry : entry.slice(0, slash);
  const version = isIP(text);
  const canonical = version === 0 ? null : canonicalAddress(text);
  if (canonical === null) throw notARange(entry);
  const address = ipaddr.parse(canonical);
  const width = address instanceof ipaddr.IPv4 ? 32 : 128;
  if (slash < 0) return [address, width];
  const suffix = entry.slice(slash + 1);
  const bits = Number(suffix) - (version === 6 && width === 32 ? MAPPED_PREFIX_BITS : 0);
  if (!/^\d{1,3}$/.test(suffix) || bits < 0 || bits > width) throw notARange(entry);
  return [address, bits];
}

function notARange(entry: string): GatewatchError {
  return new GatewatchError(
    'config_invalid',
    `trusted proxies: "${entry}" is neither an address nor a CIDR range such as 10.0.0.0/8`,
  );
}

/** A dotted IPv4 address as an unsigned 32-bit number. */
function ipv4Number(text: string): number {
  let number = 0;
  let part = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 46) {
      number = number * 256 + part;
      part = 0;
    } else part = part * 10 + (c - 48);
  }
  return number * 256 + part;
}
