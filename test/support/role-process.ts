import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Role } from '../../config/roles.ts';

const PROGRAM = join(import.meta.dirname, '..', '..', 'main.js');
/** Of what a process says to standard error, for the report. */
const ERRORS_MAX_CHARACTERS = 8_000;

/** `gatewatch run --roles ...` as an operator starts it. */
export interface RoleProcess {
  /** Where its listener is. Rejects when it ends before that. */
  readonly url: Promise<string>;
  /** The last of what it said. */
  said(): string;
  kill(signal: NodeJS.Signals): void;
  /** Exit code, null after a signal. */
  readonly ended: Promise<number | null>;
}

/**
 * Starts the program on settings (JSON is YAML) and a data directory below `directory` that bears the process's name.
 * `program`: another one, with its arguments.
 */
export function startRole(
  directory: string,
  name: string,
  roles: readonly Role[],
  settings: object,
  environment: Readonly<Record<string, string>>,
  program: (config: string) => readonly string[] = (config) => [
    ...[PROGRAM, 'run', '--config', config],
    ...['--roles', roles.join(',')],
  ],
): RoleProcess {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${name}.yaml`);
  writeFileSync(file, JSON.stringify({ data_directory: join(directory, name), listen: { port: 0 }, ...settings }));
  const child: ChildProcess = spawn(process.execPath, [...program(file)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...environment },
  });
  let said = '';
  // Behind the last that it said.
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const url = new Promise<string>((resolve, reject) => {
    if (child.stderr === null) return;
    createInterface({ input: child.stderr }).on('line', (line) => {
      said = `${said}${line}\n`.slice(-ERRORS_MAX_CHARACTERS);
      const found = /^listening on (\S+);/.exec(line);
      if (found?.[1] !== undefined) resolve(found[1]);
    });
    ended.then((code) => reject(new Error(`${name} ended with ${code}:\n${said}`))).catch(() => undefined);
  });
  url.catch(() => undefined);
  return { url, said: () => said, kill: (signal) => void child.kill(signal), ended };
}
