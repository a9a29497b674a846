import type { IdentityKind } from '../schemas/identity.ts';
import { type ShowIdentity, showPseudonym } from './findings.ts';

/** Most clear values remembered for output; about 200 bytes each. */
const REMEMBERED_MAX = 2_000_000;

/** Remembers clear values by pseudonym while a command with --clear runs. Nothing of it is ever stored. */
export interface ClearIdentities {
  readonly onPseudonym: (kind: IdentityKind, value: string, pseudonym: string) => void;
  readonly show: ShowIdentity;
}

export function createClearIdentities(): ClearIdentities {
  const clear = new Map<string, string>();
  return {
    onPseudonym(_kind, value, pseudonym) {
      // The value may be a slice of a line: a copy of its own does not hold the line's chunk in memory.
      if (!clear.has(pseudonym) && clear.size < REMEMBERED_MAX) clear.set(pseudonym, Buffer.from(value).toString());
    },
    show(kind, pseudonym) {
      const value = clear.get(pseudonym);
      return value === undefined ? showPseudonym(kind, pseudonym) : `${kind}:${value}`;
    },
  };
}
