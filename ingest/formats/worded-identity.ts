import type { ClearIdentity } from '../../schemas/identity.ts';

/**
 * An identity that remembers what its log format calls it. Detection knows one kind `client`; a person who reads how a
 * line was understood wants the gateway's own word, `consumer` or `oauth_client`.
 */
export interface WordedIdentity extends ClearIdentity {
  readonly word?: string;
}

/** The word to print for an identity's kind. */
export function printedKind(identity: WordedIdentity): string {
  return identity.word ?? identity.kind;
}
