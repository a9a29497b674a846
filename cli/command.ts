import type { Role } from '../config/roles.ts';
import type { FormatName } from '../config/sources.ts';
import type { DeadLetterReason } from '../schemas/outcome.ts';

/** What can be asked for. Words as they are typed; `dead-letter` has two. */
export const COMMANDS = [
  'replay',
  'run',
  'explain-line',
  'check-config',
  'dead-letter',
  'demo',
  'help',
  'version',
] as const;
export type CommandName = (typeof COMMANDS)[number];

/** `-` among file names is standard input. */
export const STANDARD_INPUT = '-';

export interface ReplayCommand {
  readonly command: 'replay';
  /** At least one; `-` is standard input. */
  readonly files: readonly string[];
  readonly format: FormatName;
  /** File of a mapping, for format json; null reads usual member names. */
  readonly mapping: string | null;
  /** File of a policy; null is the default one. */
  readonly policy: string | null;
  /** Offset from UTC of times that carry none; null assumes UTC and marks it. */
  readonly zoneOffsetMinutes: number | null;
  readonly partitions: number;
  readonly json: boolean;
  /** Show identities as they stand in the log instead of pseudonyms. */
  readonly clear: boolean;
}

export interface RunCommand {
  readonly command: 'run';
  /** null: `gatewatch.yaml` when it is there, else the defaults. */
  readonly config: string | null;
  /** What this process does, in the order of ROLES; all when nothing is said. At least one. */
  readonly roles: readonly Role[];
}

export interface ExplainLineCommand {
  readonly command: 'explain-line';
  /** A file, or `-` for standard input. */
  readonly file: string;
  readonly format: FormatName;
  readonly mapping: string | null;
  readonly zoneOffsetMinutes: number | null;
  readonly json: boolean;
  readonly clear: boolean;
}

export interface CheckConfigCommand {
  readonly command: 'check-config';
  /** null as in RunCommand. */
  readonly file: string | null;
}

export interface DeadLetterCommand {
  readonly command: 'dead-letter';
  readonly action: 'list' | 'retry';
  readonly config: string | null;
  /** Most lines to list or to try again; null is all. */
  readonly limit: number | null;
  /** Only lines that were put there for this reason; null is any. */
  readonly reason: DeadLetterReason | null;
}

export interface DemoCommand {
  readonly command: 'demo';
}

export interface HelpCommand {
  readonly command: 'help';
  /** null: the overview. */
  readonly topic: CommandName | null;
}

export interface VersionCommand {
  readonly command: 'version';
}

/** The command line cannot be carried out: print `message` and `hint` to stderr, exit with EXIT.usage. */
export interface UsageError {
  readonly command: 'usage-error';
  readonly message: string;
  /** What to type instead. */
  readonly hint: string;
}

export type Command =
  | ReplayCommand
  | RunCommand
  | ExplainLineCommand
  | CheckConfigCommand
  | DeadLetterCommand
  | DemoCommand
  | HelpCommand
  | VersionCommand
  | UsageError;
