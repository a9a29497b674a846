import type { Reading } from './durations.ts';
import { quoted } from './problem.ts';

/** The port on which Kafka listens unless told otherwise. */
const KAFKA_PORT = 9092;
/** RFC 1035 section 2.3.4: a name has at most 255 octets, of which the last ends it. */
const HOST_MAX_CHARS = 253;
const PORT_MAX = 65_535;

/**
 * Reads the address of a broker, `host:port`: a name or an IPv4 address. Never throws. An IPv6 address is refused: the
 * Kafka client cuts at the first colon, so it needs a name.
 */
export function parseBroker(written: unknown): Reading<string> {
  const text = typeof written === 'string' ? written.trim() : '';
  if (isHostAndPort(text)) return { ok: true, value: text };
  if (/^\[?[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*/i.test(text)) {
    const message = 'an IPv6 address cannot be used for a broker: write its name';
    return { ok: false, message, fix: `kafka:${KAFKA_PORT}` };
  }
  // In front of an @ a password could stand.
  const message = text.includes('@') ? 'must be host:port alone' : `must be host:port, not ${quoted(written)}`;
  // What people put in front is the scheme of a URL or the name of a listener.
  const bare = text.replace(/^[a-z_]{1,20}:\/\//i, '').replace(/\/$/, '');
  const [fix] = [bare, `${bare}:${KAFKA_PORT}`].filter(isHostAndPort);
  return { ok: false, message, fix: fix ?? `kafka:${KAFKA_PORT}` };
}

/** Host of a broker that `parseBroker` has accepted. */
export function hostOfBroker(broker: string): string {
  return broker.slice(0, broker.lastIndexOf(':'));
}

function isHostAndPort(text: string): boolean {
  const match = /^([a-z0-9_.-]+):(\d{1,5})$/i.exec(text);
  const [, host = '', port] = match ?? [];
  return host !== '' && host.length <= HOST_MAX_CHARS && Number(port) >= 1 && Number(port) <= PORT_MAX;
}

/**
 * Reads the address of an HTTP server: `http://host:port` or `https://host:port`, nothing behind the port. The value is
 * its origin. Never throws, and repeats nothing of what is written: a password could stand in it.
 */
export function parseHttpServer(written: unknown): Reading<string> {
  const text = typeof written === 'string' ? written.trim() : '';
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    const bare = /^[a-z0-9.-]{1,253}(:\d{1,5})?$/i.test(text) ? `http://${text}` : '';
    const message = 'must be the address of an HTTP server, http://host:port or https://host:port';
    return { ok: false, message, fix: URL.canParse(bare) ? bare : HTTP_EXAMPLE };
  }
  if (url.username !== '' || url.password !== '') {
    const message = 'user and password do not belong in the address: they have settings of their own';
    return { ok: false, message, fix: url.origin };
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    return { ok: false, message: 'must end after the port', fix: url.origin };
  }
  return { ok: true, value: url.origin };
}

const HTTP_EXAMPLE = 'http://clickhouse:8123';
