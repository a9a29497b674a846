import type { AccessRecord } from '../../schemas/event.ts';
import type { IdentityKind } from '../../schemas/identity.ts';
import { NO_PRINCIPALS } from './format.ts';
import type { JsonCondition, JsonIdentityField } from './json-mapping-schema.ts';
import type { JsonPaths } from './json-paths.ts';
import { textOf } from './json-values.ts';
import type { WordedIdentity } from './worded-identity.ts';

const UNAUTHENTICATED = 401;

interface MutableIdentity extends WordedIdentity {
  value: string;
}

/**
 * Compiles the identity candidates of a mapping into a function that sets `principals`, `claimed` and `client` of a
 * record whose status is known. On a 401 a name is only a claim, unless the mapping says otherwise.
 */
export function compileIdentities(
  fields: readonly JsonIdentityField[],
  paths: JsonPaths,
): (record: AccessRecord) => void {
  const candidates = fields.map((field) => ({
    number: paths.field(field.path),
    except: field.except ?? [],
    holds: field.when === undefined ? null : compileCondition(field.when, paths),
    provenOn401: field.provenOn401 === true,
    identity: identityOf(field.kind, field.word),
  }));
  // The identities are reused, so every combination of candidates is one list for good.
  const combinations = new Map<number, readonly WordedIdentity[]>([[0, NO_PRINCIPALS]]);

  function principalsOf(present: number): readonly WordedIdentity[] {
    let principals = combinations.get(present);
    if (principals === undefined) {
      principals = candidates.filter((_, i) => (present & (1 << i)) !== 0).map(({ identity }) => identity);
      combinations.set(present, principals);
    }
    return principals;
  }

  return function readIdentities(record) {
    record.claimed = null;
    record.client = null;
    let present = 0;
    for (let i = 0; i < candidates.length; i++) {
      const { number, except, holds, provenOn401, identity } = candidates[i] as (typeof candidates)[number];
      const value = textOf(paths.first(number));
      if (value === null || except.includes(value) || (holds !== null && !holds())) continue;
      identity.value = value;
      if (record.status === UNAUTHENTICATED && !provenOn401) record.claimed ??= identity;
      else {
        present |= 1 << i;
        if (identity.kind === 'client') record.client ??= value;
      }
    }
    record.principals = principalsOf(present);
  };
}

function identityOf(kind: IdentityKind, word: string | undefined): MutableIdentity {
  return word === undefined ? { kind, value: '' } : { kind, value: '', word };
}

/** A condition of a mapping, on the object that `paths` has loaded. */
export function compileCondition(condition: JsonCondition, paths: JsonPaths): () => boolean {
  const number = paths.field(condition.path);
  const allowed = condition.equals === undefined ? null : new Set(condition.equals);
  const prefix = condition.startsWith ?? '';
  return function holds() {
    const raw = paths.raw(number);
    const text = typeof raw === 'boolean' ? String(raw) : textOf(raw);
    return text !== null && (allowed === null || allowed.has(text)) && text.startsWith(prefix);
  };
}
