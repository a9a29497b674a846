import type { CommandName } from './command.ts';

/** Thrown to leave a nested reader of arguments; never leaves `parseArguments`. */
export class UsageFault extends Error {
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** A fault whose remedy is the help text of the command. */
export function usageFault(name: CommandName, message: string): UsageFault {
  return new UsageFault(message, `gatewatch help ${name}`);
}

/** A typed word as a message may repeat it. */
export function shown(word: string): string {
  return JSON.stringify(word.length > 60 ? `${word.slice(0, 60)}...` : word);
}
