/** Stands in place of a secret. */
export const REDACTED = 'REDACTED';
/** Stands in place of an e-mail address. */
export const EMAIL = 'EMAIL';
