/**
 * The one list of identity kinds, used in events, pseudonyms, rows, decisions and signals alike.
 * The position of a kind in this tuple is its number in detector rows: append only.
 */
export const IDENTITY_KINDS = ['user', 'session', 'token', 'api_key', 'client', 'service', 'ip', 'asn', 'ja4'] as const;

export type IdentityKind = (typeof IDENTITY_KINDS)[number];

/** A clear identity as it stands in a log line. Never stored, never logged. */
export interface ClearIdentity {
  readonly kind: IdentityKind;
  readonly value: string;
}

/** The only tenant of an installation that does not separate tenants. */
export const DEFAULT_TENANT = 'default';

/** Characters of a pseudonym: base64url of 16 bytes, without padding. */
export const PSEUDONYM_LENGTH = 22;
