import { JSON_MAX_DEPTH } from './outcomes.ts';

const QUOTE = 34;
const BACKSLASH = 92;

/**
 * True when objects and lists of a JSON text are nested deeper than JSON_MAX_DEPTH. Texts with few brackets, that is all
 * honest ones, are told by counting those.
 */
export function isTooDeep(text: string): boolean {
  if (count(text, '{', JSON_MAX_DEPTH) + count(text, '[', JSON_MAX_DEPTH) <= JSON_MAX_DEPTH) return false;
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (quoted) {
      if (c === BACKSLASH) i += 1;
      else if (c === QUOTE) quoted = false;
    } else if (c === QUOTE) quoted = true;
    // '{' and '[', '}' and ']' differ by 32 alone.
    else if ((c | 32) === 123) {
      depth += 1;
      if (depth > JSON_MAX_DEPTH) return true;
    } else if ((c | 32) === 125) depth -= 1;
  }
  return false;
}

function count(text: string, character: string, enough: number): number {
  let found = 0;
  let at = text.indexOf(character);
  while (at >= 0 && found <= enough) {
    found += 1;
    at = text.indexOf(character, at + 1);
  }
  return found;
}
