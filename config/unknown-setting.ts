import type { Shape } from './kinds.ts';
import { nearestName } from './nearest-name.ts';
import { childPath } from './problem.ts';

/**
 * What to say about a key that does not belong where it stands: it belongs to another `type` of the same list
 * (`siblings`), is a near miss of a key that does, stands at the wrong level of `whole`, or is unheard of.
 */
export function unknownSetting(
  name: string,
  shape: Shape,
  siblings: readonly Shape[],
  whole: Shape,
): { message: string; fix: string } {
  const owner = siblings.find(({ properties }) => properties !== undefined && Object.hasOwn(properties, name));
  if (owner !== undefined) {
    const type = String(owner.properties?.type?.const);
    return { message: `this setting belongs to type ${type}`, fix: `type: ${type}, or remove ${name}` };
  }
  const known = Object.keys(shape.properties ?? {});
  const near = nearestName(name, known);
  if (near !== null) return { message: `unknown setting; did you mean ${near}?`, fix: `${near}:` };
  const elsewhere = findKey(whole, name, '');
  if (elsewhere !== null) {
    return { message: `unknown setting here; did you mean ${elsewhere}?`, fix: nested(elsewhere) };
  }
  return { message: 'unknown setting', fix: `one of: ${known.join(', ')}` };
}

/** The path at which a key of this name exists, outside lists; null when there is none. */
function findKey(shape: Shape, name: string, path: string): string | null {
  for (const [key, property] of Object.entries(shape.properties ?? {})) {
    if (key === name) return childPath(path, key);
    const inside = (property.anyOf ?? [property]).find(({ type }) => type === 'object');
    const found = inside === undefined ? null : findKey(inside, name, childPath(path, key));
    if (found !== null) return found;
  }
  return null;
}

/** `log.cap_bytes` as it stands in YAML, on one line. */
function nested(path: string): string {
  const keys = path.split('.');
  return keys.length === 1 ? `${path}:` : `${keys.join(': { ')}: ...${' }'.repeat(keys.length - 1)}`;
}
