import ipaddr from 'ipaddr.js';
import { PRIVATE_RANGES } from '../ingest/client-address.ts';
import { parseZoneOffset } from '../ingest/timestamps.ts';
import type { Reading } from './durations.ts';
import { nearestName } from './nearest-name.ts';
import { quoted } from './problem.ts';

/** Words that stand for ranges in a list of trusted proxies, and what they stand for. */
const RANGE_WORDS: ReadonlyMap<string, readonly string[]> = new Map([
  ['private', PRIVATE_RANGES],
  // RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3.
  ['loopback', ['127.0.0.0/8', '::1/128']],
  // A proxy on this machine that connects through a Unix socket: gateways log it in this form.
  ['unix', ['unix:']],
]);

/**
 * Reads one entry of a list of trusted proxies: a CIDR, an address, or `private`, `loopback` or `unix`. The value is the
 * word, or the CIDR with the host bits cleared. Never throws. Refuses `/0`: whoever trusts everybody lets a client write
 * its own address.
 */
export function parseAddressRange(written: unknown): Reading<string> {
  const text = typeof written === 'string' ? written.trim() : '';
  if (RANGE_WORDS.has(text)) return { ok: true, value: text };
  if (isPlainAddress(text)) return cidr(`${text}/${text.includes(':') ? 128 : 32}`);
  if (ipaddr.isValidCIDR(text) && isPlainAddress(text.slice(0, text.indexOf('/')))) return cidr(text);
  const words = [...RANGE_WORDS.keys()];
  const message = `must be a range such as 10.0.0.0/8, or ${words.join(', or ')}, not ${quoted(written)}`;
  return { ok: false, message, fix: nearestName(text, words) ?? '10.0.0.0/8' };
}

function cidr(text: string): Reading<string> {
  const [address, bits] = ipaddr.parseCIDR(text);
  if (bits === 0) {
    return { ok: false, message: 'this trusts every address, so any client could claim another', fix: 'private' };
  }
  const network =
    address.kind() === 'ipv4' ? ipaddr.IPv4.networkAddressFromCIDR(text) : ipaddr.IPv6.networkAddressFromCIDR(text);
  return { ok: true, value: `${network.toString()}/${bits}` };
}

/** A list of trusted proxies with its words written out, each range once. */
export function writtenOutRanges(ranges: readonly string[]): string[] {
  return [...new Set(ranges.flatMap((range) => RANGE_WORDS.get(range) ?? [range]))];
}

/** Four decimal parts, or IPv6 without a zone id: not the shorter and octal forms that ipaddr.js also takes. */
function isPlainAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || (ipaddr.IPv6.isValid(text) && !text.includes('%'));
}

/** True when only this machine can reach a listener on the host: 127.0.0.0/8, ::1, or localhost (RFC 6761 section 6.3). */
export function isLoopbackHost(host: string): boolean {
  if (host === 'localhost') return true;
  if (!isPlainAddress(host)) return false;
  return ipaddr.process(host).range() === 'loopback';
}

/** Where a log without zones is written. */
export interface ZoneOffset {
  /** Minutes ahead of UTC. */
  readonly minutes: number;
}

/**
 * Reads `UTC` or a fixed offset from it, as `+02:00`. Never throws. A place such as Europe/Berlin is refused: a time
 * without zone in the hour that summer time repeats is two moments, and a log in UTC or with offsets is the remedy.
 */
export function parseZone(written: unknown): Reading<ZoneOffset> {
  const text = typeof written === 'string' ? written.trim() : '';
  const minutes = parseZoneOffset(text);
  if (minutes !== null) return { ok: true, value: { minutes } };
  const message = `must be UTC or an offset such as +02:00, not ${quoted(written)}`;
  return { ok: false, message, fix: winterOffset(text) ?? '+01:00' };
}

/** The offset of a place at the first of January of a fixed year; null when there is no such place. */
function winterOffset(place: string): string | null {
  try {
    const format = new Intl.DateTimeFormat('en', { timeZone: place, timeZoneName: 'longOffset' });
    const part = format.formatToParts(Date.UTC(2024, 0, 1)).find(({ type }) => type === 'timeZoneName');
    const offset = part?.value.replace('GMT', '');
    return offset === '' || offset === '+00:00' ? 'UTC' : (offset ?? null);
  } catch {
    return null;
  }
}
