import { nearestName } from '../config/nearest-name.ts';
import { parseZone } from '../config/places.ts';
import { ROLES, type Role } from '../config/roles.ts';
import { FORMAT_NAMES, type FormatName } from '../config/sources.ts';
import { DEAD_LETTER_REASONS } from '../schemas/outcome.ts';
import { EMBEDDED_PARTITIONS } from '../schemas/topics.ts';
import { COMMANDS, type Command, type CommandName, STANDARD_INPUT, type UsageError } from './command.ts';
import { type Given, readWords } from './read-words.ts';
import { shown, UsageFault, usageFault } from './usage-fault.ts';

/** More partitions than this only cost memory: each has its own rows, and a process has few cores. */
export const PARTITIONS_MAX = 64;
/** Lines that `dead-letter list` shows when nothing is said: a few screens. */
export const DEFAULT_LIST_LIMIT = 100;
/** Largest count that a flag takes: what a 32-bit signed integer holds. */
const COUNT_MAX = 2_147_483_647;

/**
 * Reads the words after the program's name. Never throws: what cannot be carried out is a `usage-error` with what to type
 * instead. No words at all, or `--help` anywhere before `--`, asks for help.
 */
export function parseArguments(words: readonly string[]): Command {
  try {
    return parseCommand(words);
  } catch (fault) {
    if (fault instanceof UsageFault) return { command: 'usage-error', message: fault.message, hint: fault.hint };
    throw fault;
  }
}

function parseCommand(words: readonly string[]): Command {
  const [word, ...rest] = words;
  if (word === undefined || word === '--help' || word === '-h') return { command: 'help', topic: null };
  if (word === '--version' || word === '-v') return { command: 'version' };
  const name = COMMANDS.find((command) => command === word);
  if (name === undefined) {
    const near = nearestName(word, COMMANDS);
    const what = word.startsWith('-') ? 'the command comes first' : `unknown command ${shown(word)}`;
    throw new UsageFault(what, near === null ? 'gatewatch help' : `gatewatch ${near}`);
  }
  const given = readWords(name, rest);
  return given.help ? { command: 'help', topic: name } : build(name, given);
}

function build(name: CommandName, given: Given): Command {
  switch (name) {
    case 'replay': {
      if (given.positionals.length === 0) throw usageFault(name, 'replay needs a file, or - for standard input');
      if (given.positionals.filter((file) => file === STANDARD_INPUT).length > 1)
        throw usageFault(name, '- is given twice');
      return {
        command: name,
        files: given.positionals,
        ...reading(given),
        policy: given.text('policy'),
        partitions: count(name, given, 'partitions', PARTITIONS_MAX) ?? EMBEDDED_PARTITIONS,
      };
    }
    case 'run':
      atMost(name, given, 0);
      return { command: name, config: given.text('config'), roles: roles(name, given) };
    case 'explain-line':
      atMost(name, given, 1);
      return { command: name, file: given.positionals[0] ?? STANDARD_INPUT, ...reading(given) };
    case 'check-config':
      atMost(name, given, 1);
      return { command: name, file: given.positionals[0] ?? null };
    case 'dead-letter':
      return deadLetter(given);
    case 'help': {
      atMost(name, given, 1);
      const [topic] = given.positionals;
      return {
        command: name,
        topic: topic === undefined ? null : oneOf(topic, COMMANDS, 'command', 'gatewatch help '),
      };
    }
    case 'demo':
    case 'version':
      atMost(name, given, 0);
      return { command: name };
    default:
      return name satisfies never;
  }
}

function deadLetter(given: Given): Command {
  const name = 'dead-letter';
  const [word] = given.positionals;
  if (word === undefined) throw usageFault(name, 'dead-letter needs to know what to do: list or retry');
  const action = oneOf(word, ['list', 'retry'] as const, 'action', 'gatewatch dead-letter ');
  atMost(name, given, 1);
  const reason = given.text('reason');
  return {
    command: name,
    action,
    config: given.text('config'),
    limit: count(name, given, 'limit', COUNT_MAX) ?? (action === 'list' ? DEFAULT_LIST_LIMIT : null),
    reason: reason === null ? null : oneOf(reason, DEAD_LETTER_REASONS, 'reason', '--reason '),
  };
}

interface ReadingFlags {
  readonly format: FormatName;
  readonly mapping: string | null;
  readonly zoneOffsetMinutes: number | null;
  readonly json: boolean;
  readonly clear: boolean;
}

function reading(given: Given): ReadingFlags {
  const mapping = given.text('mapping');
  const written = given.text('format');
  // A mapping says that the lines are JSON.
  const format =
    written === null ? (mapping === null ? 'auto' : 'json') : oneOf(written, FORMAT_NAMES, 'format', '--format ');
  if (mapping !== null && format !== 'json') throw new UsageFault('--mapping is for JSON logs', '--format json');
  const zone = given.text('zone');
  const checked = zone === null ? null : parseZone(zone);
  if (checked?.ok === false) throw new UsageFault(`--zone ${checked.message}`, `--zone ${checked.fix}`);
  return {
    format,
    mapping,
    zoneOffsetMinutes: checked?.value.minutes ?? null,
    json: given.on('json'),
    clear: given.on('clear'),
  };
}

function count(name: CommandName, given: Given, flag: string, max: number): number | null {
  const text = given.text(flag);
  if (text === null) return null;
  const number = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > max)
    throw usageFault(name, `--${flag} must be a whole number from 1 to ${max}, not ${shown(text)}`);
  return number;
}

/** `core,serve` in the order of ROLES; all without the flag. */
function roles(name: CommandName, given: Given): readonly Role[] {
  const text = given.text('roles');
  if (text === null) return ROLES;
  const words = text.split(',').map((word) => oneOf(word.trim(), ROLES, 'role', '--roles '));
  if (new Set(words).size < words.length) throw usageFault(name, '--roles names a role twice');
  return ROLES.filter((role) => words.includes(role));
}

function oneOf<Word extends string>(written: string, words: readonly Word[], what: string, lead: string): Word {
  const found = words.find((word) => word === written);
  if (found !== undefined) return found;
  const hint = `${lead}${nearestName(written, words) ?? words.join('|')}`;
  throw new UsageFault(`unknown ${what} ${shown(written)}`, hint);
}

function atMost(name: CommandName, given: Given, max: number): void {
  const extra = given.positionals[max];
  if (extra !== undefined) throw usageFault(name, `${name} has no use for ${shown(extra)}`);
}

/** A usage error as it is printed to stderr. */
export function usageErrorText({ message, hint }: UsageError): string {
  return `gatewatch: ${message}\n  try: ${hint}\n`;
}
