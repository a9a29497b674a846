import { isAlias, type Node, parseDocument, visit, type YAMLError } from 'yaml';
import type { Problem } from './problem.ts';

/** A settings file as text with places. */
export interface SettingsDocument {
  readonly file: string;
  /** null when the file holds no settings, or none that can be read. */
  readonly root: Node | null;
  /** The node that an alias stands for; other nodes as they are; null when there is none. */
  resolve(node: unknown): Node | null;
  /** Adds a problem at an offset of the text. */
  report(offset: number, path: string, message: string, fix: string): undefined;
}

interface Advice {
  readonly message: string;
  readonly fix: string;
}

/**
 * Parses YAML 1.2. Faults of the notation are added to `problems`; after one that makes the rest unreliable, `root` is
 * null. The parser's own messages are not used: they repeat pieces of the text, and a secret could stand there.
 */
export function openDocument(text: string, file: string, problems: Problem[]): SettingsDocument {
  const report = (offset: number, path: string, message: string, fix: string): undefined => {
    problems.push({ file, ...placeAt(text, offset), path, message, fix });
  };
  const parsed = parseDocument(text, { prettyErrors: false, stringKeys: true, logLevel: 'error' });
  const faults = [...parsed.errors, ...parsed.warnings];
  for (const fault of faults) {
    const { message, fix } = adviceFor(fault);
    report(fault.pos[0], '', message, fix);
  }
  visit(parsed, {
    Alias: (_, alias) => {
      if (alias.resolve(parsed) === undefined) report(alias.range?.[0] ?? 0, '', NO_ANCHOR.message, NO_ANCHOR.fix);
    },
  });
  const readable = faults.every(({ code }) => code === 'DUPLICATE_KEY');
  return {
    file,
    root: readable ? (parsed.contents as Node | null) : null,
    report,
    resolve(node) {
      if (isAlias(node)) return node.resolve(parsed) ?? null;
      return (node as Node | null | undefined) ?? null;
    },
  };
}

/** Line and column of an offset, from 1. Counted here: the parser's own counter misses line ends after a fault. */
function placeAt(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, Math.max(0, offset));
  return { line: before.split('\n').length, column: before.length - before.lastIndexOf('\n') };
}

function adviceFor({ code }: YAMLError): Advice {
  return ADVICE[code] ?? { message: `not valid YAML (${code.toLowerCase().replaceAll('_', ' ')})`, fix: 'key: value' };
}

const NO_ANCHOR: Advice = { message: 'this alias has no anchor', fix: 'the value itself' };
const QUOTE: Advice = { message: 'this character cannot begin a plain value', fix: 'the value in single quotes' };
const INDENT: Advice = {
  message: 'the indentation does not fit the lines above',
  fix: 'two more spaces than the key above',
};

const ADVICE: Partial<Record<YAMLError['code'], Advice>> = {
  DUPLICATE_KEY: { message: 'this key stands here twice', fix: 'the key once' },
  TAB_AS_INDENT: { message: 'a tab indents this line', fix: 'spaces instead of the tab' },
  BAD_INDENT: INDENT,
  BAD_SCALAR_START: QUOTE,
  BLOCK_AS_IMPLICIT_KEY: { message: 'two keys on one line', fix: 'the second key on a line of its own, indented' },
  MULTILINE_IMPLICIT_KEY: { message: 'this line is no key and no list entry', fix: 'key: value' },
  MISSING_CHAR: { message: 'a colon, comma, quote or bracket is missing', fix: 'key: value' },
  UNEXPECTED_TOKEN: { message: 'this does not fit here', fix: 'key: value' },
  MULTIPLE_DOCS: { message: 'a second document begins here', fix: 'one document; remove the line ---' },
  TAG_RESOLVE_FAILED: { message: 'tags are not used in this file', fix: 'the value without the tag' },
  NON_STRING_KEY: { message: 'a key must be plain text', fix: 'key: value' },
  BAD_DQ_ESCAPE: { message: 'unknown escape in double quotes', fix: 'the value in single quotes' },
  BAD_ALIAS: NO_ANCHOR,
};
