import ipaddr from 'ipaddr.js';
import { createBoundedCache } from './bounded-cache.ts';
import { canonicalAddress, isPlainIpv4 } from './ip-address.ts';

/** IPv6 addresses whose network is remembered, a generation. */
const CACHED_NETWORKS = 8_192;
/** Longest text of an IPv6 address (RFC 4291, 2.2, form 3). */
const IPV6_MAX_CHARACTERS = 45;
/** Groups of 16 bits in a /48. */
const GROUPS = 3;

/** A pure function's memory, so it may be shared. */
const networks = createBoundedCache<string>(CACHED_NETWORKS, IPV6_MAX_CHARACTERS);

/**
 * The network that a client address belongs to: `203.0.113.0/24` for IPv4, `2001:db8:1::/48` for IPv6 (canonical text,
 * RFC 5952), '' for null and for what is no address. /24 and /48 are the longest prefixes that are announced on the
 * Internet, and /48 is what one site is given (RFC 6177). Private addresses too. The result is plain ASCII.
 */
export function networkOf(address: string | null): string {
  if (address === null) return '';
  if (isPlainIpv4(address)) return `${address.slice(0, address.lastIndexOf('.'))}.0/24`;
  const known = networks.get(address);
  if (known !== undefined) return known;
  const canonical = canonicalAddress(address);
  if (canonical === null) return '';
  if (isPlainIpv4(canonical)) return networkOf(canonical);
  const { parts } = ipaddr.IPv6.parse(canonical);
  const network = `${new ipaddr.IPv6(parts.map((part, i) => (i < GROUPS ? part : 0))).toRFC5952String()}/48`;
  networks.set(address, network);
  return network;
}
