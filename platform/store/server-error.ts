import { GatewatchError } from '../../schemas/errors.ts';
import { clickHouseCode, queryError } from './store-error.ts';

/** Which server a message is about. */
export interface ServerPlace {
  /** Scheme, host and port: no secret. */
  readonly origin: string;
  readonly username: string;
  readonly database: string;
}

/** ClickHouse, src/Common/ErrorCodes.cpp. 192 to 194 are older servers' words for 516. */
const NOT_LET_IN = new Set([192, 193, 194, 516]);
const UNKNOWN_DATABASE = 81;

/** Codes of node:tls for a certificate that no known authority vouches for. */
const UNKNOWN_AUTHORITY = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_UNTRUSTED',
]);
const WRONG_NAME = new Set(['ERR_TLS_CERT_ALTNAME_INVALID', 'HOSTNAME_MISMATCH']);
const WRONG_TIME = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);

/** What the client says when a request got no answer in time. It has no code. */
const TIMEOUT_WORDS = 'Timeout error.';

/**
 * Turns a failure to get in touch with the server into one that says what to change. Permanent (`transient` false) when
 * only a changed setting helps: who may enter, and TLS. A server that is away or answers strangely may be back later.
 */
export function connectionError(error: unknown, place: ServerPlace): GatewatchError {
  const code = clickHouseCode(error);
  if (code !== null && NOT_LET_IN.has(code)) {
    return permanent(
      `${at(place)} does not let user ${quoted(place.username)} in: check store.username and store.password`,
    );
  }
  if (code === UNKNOWN_DATABASE) {
    return permanent(
      `${at(place)} has no database ${place.database}: restart to have it made, or check store.database`,
    );
  }
  if (code !== null) return queryError(error);

  const word = errorWord(error);
  const tls = word === null ? null : tlsFault(word);
  if (tls !== null) return permanent(`${at(place)}: ${tls} (${word})`);
  if (word?.startsWith('HPE_') === true) {
    return permanent(`${at(place)} does not speak HTTP (${word}): the ports are 8123, and 8443 with https://`);
  }
  if (word === 'ENOTFOUND') {
    return passing(`the host of ${place.origin} is not known (${word}): check store.url, or the name server`);
  }
  if (word !== null) {
    // How a port with TLS ends a plain connection, among other things that end one.
    const plain = word === 'ECONNRESET' && place.origin.startsWith('http:') ? ' (a port with TLS wants https://)' : '';
    return passing(`${at(place)} cannot be reached (${word}): check store.url${plain}, and that the server runs`);
  }
  if (error instanceof Error && error.message === TIMEOUT_WORDS) {
    return passing(`${at(place)} does not answer in time: it is overloaded, or not the server that was meant`);
  }
  return passing(`${place.origin} answers, but not as ClickHouse does: the HTTP port is 8123, or 8443 with https://`);
}

function tlsFault(word: string): string | null {
  if (UNKNOWN_AUTHORITY.has(word)) {
    return 'its certificate is of no known authority: set store.tls.ca_file to the certificate of the one that signed it';
  }
  if (WRONG_NAME.has(word)) return 'its certificate is for another name: write that name in store.url';
  if (WRONG_TIME.has(word)) return 'its certificate is not valid today: renew it, or set the clock right';
  if (word === 'EPROTO' || word.startsWith('ERR_SSL_')) {
    return 'TLS did not come about: https:// needs the TLS port (8443), and a server that asks for a certificate needs store.tls.cert_file and store.tls.key_file';
  }
  return null;
}

/** Codes of node's errors, words of closed lists. */
function errorWord(error: unknown): string | null {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]{2,60}$/.test(code) && !/^\d+$/.test(code) ? code : null;
}

function at({ origin }: ServerPlace): string {
  return `ClickHouse at ${origin}`;
}

function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 64));
}

function permanent(message: string): GatewatchError {
  return new GatewatchError('store_unavailable', message);
}

function passing(message: string): GatewatchError {
  return new GatewatchError('store_unavailable', message, { transient: true });
}
