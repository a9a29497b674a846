import { parseArgs } from 'node:util';
import { nearestName } from '../config/nearest-name.ts';
import { type CommandName, STANDARD_INPUT } from './command.ts';
import { shown, UsageFault, usageFault } from './usage-fault.ts';

type FlagTypes = Readonly<Record<string, 'string' | 'boolean'>>;

const READING_FLAGS = { format: 'string', mapping: 'string', zone: 'string' } as const;
const OUTPUT_FLAGS = { json: 'boolean', clear: 'boolean' } as const;

const FLAGS: Readonly<Record<CommandName, FlagTypes>> = {
  replay: { ...READING_FLAGS, ...OUTPUT_FLAGS, policy: 'string', partitions: 'string' },
  run: { config: 'string', roles: 'string' },
  'explain-line': { ...READING_FLAGS, ...OUTPUT_FLAGS },
  'check-config': {},
  'dead-letter': { config: 'string', limit: 'string', reason: 'string' },
  demo: {},
  help: {},
  version: {},
};

/** The words after a command, sorted. */
export interface Given {
  readonly help: boolean;
  readonly positionals: readonly string[];
  /** The value of a flag; null when it is not given. */
  text(flag: string): string | null;
  on(flag: string): boolean;
}

/**
 * Sorts words into flags and positionals. Node's parser cuts them; what is allowed is judged here, so that the advice can
 * name the command. Throws UsageFault.
 */
export function readWords(name: CommandName, words: readonly string[]): Given {
  const types: FlagTypes = FLAGS[name];
  const options = Object.fromEntries(Object.entries(types).map(([flag, type]) => [flag, { type }]));
  const { tokens } = parseArgs({ args: [...words], options, strict: false, allowPositionals: true, tokens: true });
  const texts = new Map<string, string>();
  const switches = new Set<string>();
  const positionals: string[] = [];
  let help = false;
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    if (token.rawName === '--help' || token.rawName === '-h') {
      help = true;
      continue;
    }
    const known = token.rawName.startsWith('--') && Object.hasOwn(types, token.name);
    const type = known ? types[token.name] : undefined;
    if (type === undefined) throw unknownFlag(name, token.rawName);
    if (texts.has(token.name) || switches.has(token.name)) throw usageFault(name, `${token.rawName} is given twice`);
    if (type === 'boolean') {
      if (token.value !== undefined) throw new UsageFault(`${token.rawName} takes no value`, token.rawName);
      switches.add(token.name);
      continue;
    }
    // A lone - is standard input; anything else with a dash in front is the next flag.
    const isNextFlag = token.inlineValue === false && token.value.startsWith('-') && token.value !== STANDARD_INPUT;
    // An offset west of Greenwich begins with a dash too.
    const isOffset = token.name === 'zone' && /^-\d/.test(token.value ?? '');
    if (token.value === undefined || token.value === '' || (isNextFlag && !isOffset)) {
      throw usageFault(name, `${token.rawName} needs a value`);
    }
    texts.set(token.name, token.value);
  }
  return {
    help,
    positionals,
    text: (flag) => texts.get(flag) ?? null,
    on: (flag) => switches.has(flag),
  };
}

function unknownFlag(name: CommandName, rawName: string): UsageFault {
  const flags = Object.keys(FLAGS[name]);
  const near = nearestName(rawName.replace(/^-+/, ''), flags);
  const hint = near === null ? `gatewatch help ${name}` : `--${near}`;
  return new UsageFault(`${name} has no option ${shown(rawName)}`, hint);
}
