import { isMap, isScalar, isSeq, type Node } from 'yaml';
import type { Shape } from './kinds.ts';
import { nearestName } from './nearest-name.ts';
import { quoted } from './problem.ts';

/** The kind of thing that was written, in words. */
export function nodeWords(node: Node): string {
  if (isMap(node)) return 'a map';
  if (isSeq(node)) return 'a list';
  const value = isScalar(node) ? node.value : null;
  if (typeof value === 'string') return 'text';
  if (typeof value === 'number' || typeof value === 'bigint') return 'a number';
  return typeof value === 'boolean' ? 'true or false' : 'nothing';
}

/** A value that the shape accepts, as one line of YAML. */
export function exampleOf(shape: Shape): string {
  const given = shape.default ?? shape.examples?.[0] ?? shape.enum?.[0] ?? shape.const;
  if (given !== undefined && !Array.isArray(given)) return String(given);
  if (shape.anyOf !== undefined)
    return exampleOf(shape.anyOf.find(({ type }) => type === 'object') ?? shape.anyOf[0] ?? {});
  if (shape.type === 'array') return `[${exampleOf(shape.items ?? {})}]`;
  if (shape.type !== 'object') return shape.kind === 'secret' ? `\${env:${shape.variable ?? 'NAME'}}` : 'name';
  const needed = shape.required ?? [];
  const keys = Object.entries(shape.properties ?? {})
    .filter(([name]) => needed.includes(name))
    .map(([name, property]) => `${name}: ${exampleOf(property)}`);
  return `{ ${keys.join(', ')} }`;
}

/** What is wrong with a scalar by JSON Schema keyword, and what to write. */
export function scalarAdvice(keyword: string, shape: Shape, written: unknown): { message: string; fix: string } {
  switch (keyword) {
    case 'enum':
    case 'const':
      return choiceAdvice(shape, written);
    case 'minimum':
      return { message: `must be at least ${shape.minimum}`, fix: `${shape.minimum}` };
    case 'maximum':
      return { message: `must be at most ${shape.maximum}`, fix: `${shape.maximum}` };
    case 'pattern':
      return { message: `must be ${shape.rule}`, fix: plainName(written, shape) ?? exampleOf(shape) };
    case 'minLength':
      return { message: 'must not be empty', fix: exampleOf(shape) };
    case 'type':
      return typeAdvice(shape, written);
    default:
      return { message: `is not allowed (${keyword})`, fix: exampleOf(shape) };
  }
}

function choiceAdvice(shape: Shape, written: unknown): { message: string; fix: string } {
  const choices = (shape.enum ?? [shape.const]).map(String);
  const listed = choices.length === 1 ? choices.join() : `one of ${choices.join(', ')}`;
  return {
    message: `must be ${listed}, not ${quoted(written)}`,
    fix: nearestName(String(written), choices) ?? exampleOf(shape),
  };
}

function typeAdvice(shape: Shape, written: unknown): { message: string; fix: string } {
  if (shape.type === 'string') return { message: 'must be text', fix: quoted(written) };
  const what = shape.type === 'integer' ? 'a whole number' : shape.type === 'boolean' ? 'true or false' : 'a number';
  const asNumber = typeof written === 'boolean' || written === '' ? Number.NaN : Number(written);
  const fits = Number.isFinite(asNumber) && shape.type !== 'boolean';
  const rounded = shape.type === 'integer' ? Math.round(asNumber) : asNumber;
  return { message: `must be ${what}, not ${quoted(written)}`, fix: fits ? `${rounded}` : exampleOf(shape) };
}

/** `My Edge!` as a name that is allowed, `my-edge`; null when that is not enough. */
function plainName(written: unknown, { pattern = '' }: Shape): string | null {
  const name = String(written)
    .slice(0, 63)
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '-')
    .replace(/^[_-]+/, '');
  return name !== '' && new RegExp(pattern).test(name) ? name : null;
}
