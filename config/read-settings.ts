import Value from 'typebox/value';
import { isMap, isScalar, isSeq, type Node, type YAMLMap } from 'yaml';
import { exampleOf, nodeWords, scalarAdvice } from './advice.ts';
import { readKind, type Shape } from './kinds.ts';
import { childPath } from './problem.ts';
import { type Environment, type ReadTextFile, readSecret } from './secrets.ts';
import { unknownSetting } from './unknown-setting.ts';
import type { SettingsDocument } from './yaml-document.ts';

/** What reading one document needs, and where it notes the place of each setting. */
export interface ReadingRun {
  readonly document: SettingsDocument;
  readonly env: Environment;
  readonly readFile: ReadTextFile;
  /** Offset of each setting that is written, by its path; '' is the whole. */
  readonly places: Map<string, number>;
  /** The schema of the whole document: where else a misplaced key could belong. */
  readonly whole: Shape;
}

/**
 * Reads a node by its schema: fills in defaults, converts durations, sizes, ranges and secrets, and reports every
 * problem. A value with a problem is undefined in the result, its neighbours are not.
 */
export function readSetting(run: ReadingRun, shape: Shape, written: unknown, path: string): unknown {
  const node = run.document.resolve(written);
  // `listen:` with nothing after it says as much as no `listen` at all.
  if (node === null || (isScalar(node) && node.value === null)) return readAbsent(run, shape, path);
  run.places.set(path, node.range?.[0] ?? 0);
  if (shape.anyOf !== undefined) return readChoice(run, shape, shape.anyOf, node, path);
  if (shape.type === 'object') return readObject(run, shape, node, path);
  if (shape.type === 'array') return readList(run, shape, node, path);
  return readScalar(run, shape, node, path);
}

function readAbsent(run: ReadingRun, shape: Shape, path: string): unknown {
  if (shape.kind === 'duration' || shape.kind === 'size') {
    const reading = readKind(shape.kind, shape, shape.default);
    return reading.ok ? reading.value : undefined;
  }
  if (shape.default !== undefined) return structuredClone(shape.default);
  if (shape.anyOf !== undefined) return readAbsent(run, shape.anyOf.at(-1) ?? {}, path);
  if (shape.type !== 'object') return undefined;
  return readProperties(run, shape, null, path);
}

function readObject(run: ReadingRun, shape: Shape, node: Node, path: string, siblings: readonly Shape[] = []): unknown {
  if (!isMap(node)) return wrongKind(run, shape, node, path, 'a map of settings');
  const known = Object.keys(shape.properties ?? {});
  for (const { key } of node.items) {
    const name = String(isScalar(key) ? key.value : key);
    if (known.includes(name)) continue;
    const { message, fix } = unknownSetting(name, shape, siblings, run.whole);
    run.document.report(offsetOf(key, node), childPath(path, name), message, fix);
  }
  return readProperties(run, shape, node, path);
}

function readProperties(run: ReadingRun, shape: Shape, node: YAMLMap | null, path: string): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(shape.properties ?? {})) {
    const pair = node?.items.find(({ key }) => isScalar(key) && key.value === name);
    const written = pair === undefined ? null : run.document.resolve(pair.value);
    const at = childPath(path, name);
    const needed = shape.required?.includes(name) === true;
    const absent = written === null || (isScalar(written) && written.value === null);
    if (absent && !needed) {
      if (pair === undefined || property.neverBlank !== true) continue;
      const message = 'nothing stands below it: say what is wanted, or remove it';
      run.document.report(offsetOf(pair.key, node), at, message, `${name}: ${exampleOf(property)}`);
    } else if (absent && !canBeAbsent(property)) {
      const offset = pair === undefined ? placeOf(run.places, path) : offsetOf(pair.key, node);
      run.document.report(offset, at, 'is missing', `${name}: ${exampleOf(property)}`);
    } else {
      values[name] = readSetting(run, property, written, at);
    }
  }
  return values;
}

/** Whether a setting that is not written has a value all the same. */
function canBeAbsent(shape: Shape): boolean {
  if (shape.default !== undefined) return true;
  if (shape.kind !== undefined) return false;
  if (shape.anyOf !== undefined) return canBeAbsent(shape.anyOf.at(-1) ?? {});
  if (shape.type !== 'object') return false;
  return (shape.required ?? []).every((name) => canBeAbsent(shape.properties?.[name] ?? {}));
}

function readList(run: ReadingRun, shape: Shape, node: Node, path: string): unknown {
  if (!isSeq(node)) return wrongKind(run, shape, node, path, 'a list');
  if (node.items.length < (shape.minItems ?? 0)) return failAt(run, node, path, 'must have an entry', exampleOf(shape));
  return node.items.map((item, index) => {
    const at = childPath(path, index);
    const entry = run.document.resolve(item);
    if (entry !== null && !(isScalar(entry) && entry.value === null)) {
      return readSetting(run, shape.items ?? {}, entry, at);
    }
    run.document.report(offsetOf(item, node), at, 'this entry is empty', exampleOf(shape.items ?? {}));
    return undefined;
  });
}

/** Text, a list or an object: by what is written. Several objects: by their `type`. */
function readChoice(run: ReadingRun, shape: Shape, choices: readonly Shape[], node: Node, path: string): unknown {
  const objects = choices.filter(({ type }) => type === 'object');
  const list = choices.find(({ type }) => type === 'array');
  const plain = choices.find(({ type }) => type !== 'object' && type !== 'array');
  if (isScalar(node) && plain !== undefined) return readScalar(run, plain, node, path);
  if (isSeq(node) && list !== undefined) return readList(run, list, node, path);
  if (!isMap(node) || objects.length === 0) return wrongKind(run, shape, node, path, wantedWords(plain, list, objects));
  const [only] = objects;
  if (objects.length === 1 && only !== undefined) return readObject(run, only, node, path);
  const type = run.document.resolve(node.get('type', true));
  const chosen = objects.find(({ properties }) => isScalar(type) && properties?.type?.const === type.value);
  const others = objects.filter((other) => other !== chosen);
  return readObject(run, chosen ?? anyOfThem(objects), node, path, others);
}

function wantedWords(plain: Shape | undefined, list: Shape | undefined, objects: readonly Shape[]): string {
  const words = [plain && 'text', list && 'a list', objects.length > 0 && 'a map of settings'];
  return words.filter((word) => typeof word === 'string').join(' or ');
}

/** A shape for an object whose `type` is wrong or missing, so that its other settings are looked at all the same. */
function anyOfThem(objects: readonly Shape[]): Shape {
  // Of settings that several have, the first one's counts: it is the one with the most defaults.
  const properties = Object.assign({}, ...objects.map((shape) => shape.properties).reverse()) as Record<string, Shape>;
  const types = objects.map((shape) => shape.properties?.type?.const);
  const required = (objects[0]?.required ?? []).filter((name) => objects.every((one) => one.required?.includes(name)));
  return { type: 'object', properties: { ...properties, type: { enum: types } }, required };
}

function readScalar(run: ReadingRun, shape: Shape, node: Node, path: string): unknown {
  const fail = (message: string, fix: string): undefined => failAt(run, node, path, message, fix);
  if (shape.kind === 'secret') {
    const name = shape.variable ?? `GATEWATCH_${path.replace(/^.*\./, '').toUpperCase()}`;
    const secret = readSecret(isScalar(node) ? node.value : null, name, run.env, run.readFile);
    if (secret.ok) return secret.value;
    // Advice to write something here reads as a line of the file; advice to change the surroundings stands as it is.
    const fix = secret.fix.startsWith('${') ? inPlace(path, secret.fix) : secret.fix;
    return run.document.report(node.range?.[0] ?? 0, path, secret.message, fix);
  }
  if (!isScalar(node)) return wrongKind(run, shape, node, path, shape.type === 'string' ? 'text' : 'one value');
  const written = node.value;
  if (typeof written === 'string' && written.includes('${')) {
    return fail('only secrets are taken from the environment or from a file', exampleOf(shape));
  }
  if (shape.kind !== undefined) {
    const reading = readKind(shape.kind, shape, written);
    return reading.ok ? reading.value : fail(reading.message, reading.fix);
  }
  const [error] = Value.Errors(shape, written);
  if (error === undefined) return written;
  const { message, fix } = scalarAdvice(error.keyword, shape, written);
  return fail(message, fix);
}

function wrongKind(run: ReadingRun, shape: Shape, node: Node, path: string, wanted: string): undefined {
  const wrapped = shape.type === 'array' && isScalar(node) && shape.items?.type !== 'object';
  const fix = wrapped ? `[${entryAdvice(shape.items ?? {}, node.value)}]` : exampleOf(shape);
  return failAt(run, node, path, `must be ${wanted}, not ${nodeWords(node)}`, path === '' ? firstLine(shape) : fix);
}

/** What was written, as an entry of the list that it should be; what stands for it when it is no such entry. */
function entryAdvice(shape: Shape, written: unknown): string {
  if (shape.kind === undefined || shape.kind === 'secret') return String(written);
  const reading = readKind(shape.kind, shape, written);
  return reading.ok ? String(written) : reading.fix;
}

/** A line with which a file of this shape could begin. */
function firstLine(shape: Shape): string {
  const [[name, property] = ['key', {}]] = Object.entries(shape.properties ?? {});
  return `${name}: ${exampleOf(property)}`;
}

function failAt(run: ReadingRun, node: Node, path: string, message: string, fix: string): undefined {
  run.document.report(node.range?.[0] ?? 0, path, message, inPlace(path, fix));
}

/** The offset of a setting, or of the nearest thing around it that is written. */
export function placeOf(places: ReadonlyMap<string, number>, path: string): number {
  for (let at = path; at !== ''; at = at.replace(/(?:^|\.)[^.[\]]*$|\[\d+\]$/, '')) {
    const offset = places.get(at);
    if (offset !== undefined) return offset;
  }
  return places.get('') ?? 0;
}

function offsetOf(node: unknown, parent: Node | null): number {
  return (node as Node | null | undefined)?.range?.[0] ?? parent?.range?.[0] ?? 0;
}

/** A replacement as it is to be written: `key: value`, and the bare value in a list. */
function inPlace(path: string, fix: string): string {
  if (path === '' || path.endsWith(']')) return fix;
  return `${path.replace(/^.*\./, '')}: ${fix}`;
}
