import { GatewatchError } from '../../schemas/errors.ts';
import type { JsonPath } from './json-mapping-schema.ts';

/** Longest path of a mapping; each part more doubles the ways in which dots can be part of a name. */
const PATH_MAX_PARTS = 8;

/** One member to descend into, and where to go from there; no `next`: the value is there. */
interface Step {
  readonly key: string;
  readonly next: readonly Step[] | null;
}

/** One place of a field's value: below a top-level member, by `next`; of several places the highest `rank` wins. */
interface Place {
  readonly field: number;
  readonly rank: number;
  readonly key: string;
  readonly next: readonly Step[] | null;
  /** The next place below the same top-level member. */
  more: Place | null;
}

/**
 * Collects the paths of a mapping and reads them from objects. An object's members are gone through once, and each says
 * which fields it is a place of: synonyms that are not there cost nothing, however many a mapping names. A member whose
 * own name contains dots wins over descending.
 */
export interface JsonPaths {
  /** Compiles a path and returns the number of its field. Throws GatewatchError `config_invalid`. */
  field(path: JsonPath | undefined): number;
  /** Reads all fields from an object. */
  load(object: Readonly<Record<string, unknown>>): void;
  /**
   * The first value of a field that is text, a number or a list and stands for something: not null, '', or '-'.
   * Undefined when there is none.
   */
  first(field: number): unknown;
  /** The first value that is there at all, even if it stands for "none". Slower: for what is seldom asked. */
  raw(field: number): unknown;
}

/** Most places of one field, all readings of all its paths. */
const FIELD_MAX_PLACES = 1024;

export function createJsonPaths(): JsonPaths {
  const placesOfMember = new Map<string, Place>();
  const placesOfField: Place[][] = [];
  const values: unknown[] = [];
  // Number of the object, in steps of FIELD_MAX_PLACES, plus the rank of the place that a field's value has there: what
  // stands from earlier objects is lower than the present `base`, so nothing is ever cleared.
  let marks = new Float64Array(0);
  let base = 0;
  let loaded: Readonly<Record<string, unknown>> = {};

  return {
    field(path) {
      const field = values.length;
      const readings = path === undefined ? [] : [path].flat().flatMap((one) => steps(parts(one)));
      if (readings.length > FIELD_MAX_PLACES) {
        throw new GatewatchError('config_invalid', 'mapping: a field has too many paths with too many parts');
      }
      const places = readings.map(({ key, next }, i): Place => {
        const rank = readings.length - 1 - i;
        const place = { field, rank, key, next, more: placesOfMember.get(key) ?? null };
        placesOfMember.set(key, place);
        return place;
      });
      placesOfField.push(places);
      values.push(undefined);
      marks = new Float64Array(values.length);
      return field;
    },
    load(object) {
      loaded = object;
      base += FIELD_MAX_PLACES;
      for (const key in object) {
        let place = placesOfMember.get(key) ?? null;
        if (place === null) continue;
        const member = object[key];
        do {
          const { field, rank, next } = place;
          place = place.more;
          const mark = base + rank;
          if (mark <= (marks[field] as number)) continue;
          const value = next === null ? member : descend(member, next, true);
          if (!isPresent(value)) continue;
          values[field] = value;
          marks[field] = mark;
        } while (place !== null);
      }
    },
    first: (field) => ((marks[field] as number) >= base ? values[field] : undefined),
    raw(field) {
      for (const { key, next } of placesOfField[field] ?? []) {
        const value = next === null ? loaded[key] : descend(loaded[key], next, false);
        if (value !== undefined) return value;
      }
      return undefined;
    },
  };
}

function descend(value: unknown, next: readonly Step[], present: boolean): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  for (const step of next) {
    const inner = (value as Readonly<Record<string, unknown>>)[step.key];
    if (inner === undefined) continue;
    const found = step.next === null ? inner : descend(inner, step.next, present);
    if (found !== undefined && (!present || isPresent(found))) return found;
  }
  return undefined;
}

function isPresent(value: unknown): boolean {
  if (typeof value === 'string') return value !== '' && value !== '-';
  return typeof value === 'number' || Array.isArray(value);
}

/** All readings of the parts as member names, the longest first names first. */
function steps(names: readonly string[]): Step[] {
  const out: Step[] = [];
  for (let count = names.length; count > 0; count--) {
    const rest = names.slice(count);
    out.push({ key: names.slice(0, count).join('.'), next: rest.length === 0 ? null : steps(rest) });
  }
  return out;
}

function parts(path: string): string[] {
  const names = path.split('.');
  if (names.length > PATH_MAX_PARTS) {
    throw new GatewatchError('config_invalid', `mapping: the path "${path}" has more than ${PATH_MAX_PARTS} parts`);
  }
  // Names that every JavaScript object or list has would read the program instead of the line.
  const inherited = names.find((name) => name in Object.prototype || name in Array.prototype);
  if (inherited !== undefined) {
    throw new GatewatchError('config_invalid', `mapping: "${inherited}" in the path "${path}" cannot be read`);
  }
  return names;
}
