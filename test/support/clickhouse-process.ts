import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { ClickHouseChildOptions } from './clickhouse-child.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const PROGRAM = join(import.meta.dirname, 'clickhouse-child.js');
/** Of what a child says to standard error, for the report. */
const ERRORS_MAX_CHARACTERS = 4_000;

export interface ClickHouseProcess {
  /** The same over all lives. */
  readonly url: string;
  readonly directory: string;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** A clean stop. */
  stop(): Promise<void>;
  /** Starts it again on the same port and data; resolves when it listens. */
  start(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing is answered. */
  pause(): void;
  resume(): void;
  /** Kills it and removes the data that it made. */
  dispose(): Promise<void>;
}

/**
 * The real ClickHouse engine behind HTTP in a process of its own, which a test may kill, pause and start again. Without a
 * directory it has one of its own, removed by `dispose`. What it lacks of a server: users and rights, and data sent as
 * they come instead of when the answer is whole.
 */
export async function startClickHouse(
  options: { readonly directory?: string; readonly user?: string; readonly password?: string } = {},
): Promise<ClickHouseProcess> {
  const own = options.directory === undefined ? temporaryDirectory() : null;
  const directory = options.directory ?? (own?.path as string);
  const { user = 'default', password = '' } = options;
  let child: ChildProcess | null = null;

  async function life(port: number): Promise<string> {
    const given: ClickHouseChildOptions = { directory, port, user, password };
    const born = spawn(process.execPath, [PROGRAM, JSON.stringify(given)], { stdio: ['ignore', 'pipe', 'pipe'] });
    child = born;
    let errors = '';
    (born.stderr as Readable).setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-ERRORS_MAX_CHARACTERS);
    });
    const listening = once(born.stdout as Readable, 'data').then(([line]) => String(line).trim());
    const ended = once(born, 'exit').then(() => {
      throw new Error(`ClickHouse did not start:\n${errors}`);
    });
    ended.catch(() => {});
    return await Promise.race([listening, ended]);
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const dying = child;
    child = null;
    if (dying === null || dying.exitCode !== null || dying.signalCode !== null) return;
    const gone = once(dying, 'exit');
    dying.kill(signal);
    await gone;
  }

  const url = await life(0);
  return {
    url,
    directory,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    async start() {
      if (child !== null) throw new Error('ClickHouse runs already');
      await life(Number(new URL(url).port));
    },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async dispose() {
      await end('SIGKILL');
      own?.remove();
    },
  };
}
