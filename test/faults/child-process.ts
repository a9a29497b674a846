import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { ChildOptions, Command, Counts } from './child-protocol.ts';

const PROGRAM = join(import.meta.dirname, 'kill-child.js');
/** Of what a child says to standard error, for the report. */
const ERRORS_MAX_CHARACTERS = 4_000;

/** The program in a process of its own. */
export interface Child {
  /** Resolves when it listens; rejects when it ends before that. */
  readonly listening: Promise<string>;
  /** Where it listens; null before that and after its end. */
  url(): string | null;
  /** Rejects when the child ends before it answers. */
  command(command: Command): Promise<unknown>;
  count(): Promise<Counts>;
  kill(): void;
  /** How it ended. */
  readonly ended: Promise<Ending>;
}

export interface Ending {
  readonly killed: boolean;
  /** The point at which it killed itself; null when somebody else did. */
  readonly at: string | null;
  /** What to say of an end that nobody wanted; null when it was killed or stopped. */
  readonly failure: string | null;
}

export class ChildEnded extends Error {}

export function startChild(options: ChildOptions): Child {
  const process_ = spawn(process.execPath, [PROGRAM, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const [, out, err, commands] = process_.stdio as unknown as [null, Readable, Readable, Writable];
  const answers = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  let errors = '';
  let nextId = 1;
  let at: string | null = null;
  let url: string | null = null;
  let isListening: (url: string) => void = () => {};
  let isGone: (error: Error) => void = () => {};
  const listening = new Promise<string>((resolve, reject) => {
    isListening = resolve;
    isGone = reject;
  });
  listening.catch(() => {});

  // It may be killed while it is being written to.
  commands.on('error', () => {});
  err.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-ERRORS_MAX_CHARACTERS);
  });
  createInterface({ input: out }).on('line', (line) => {
    const said = JSON.parse(line) as { url?: string; killedAt?: string; id?: number; result?: unknown; error?: string };
    if (said.url !== undefined) {
      url = said.url;
      isListening(said.url);
    }
    if (said.killedAt !== undefined) at = said.killedAt;
    const answer = answers.get(said.id ?? 0);
    if (answer === undefined) return;
    answers.delete(said.id ?? 0);
    if (said.error === undefined) answer.resolve(said.result);
    else answer.reject(new Error(said.error));
  });

  async function end(child: ChildProcess): Promise<Ending> {
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    url = null;
    const gone = new ChildEnded(`the child ended (${signal ?? code})`);
    isGone(gone);
    for (const { reject } of answers.values()) reject(gone);
    answers.clear();
    const killed = signal === 'SIGKILL';
    return { killed, at, failure: killed || code === 0 ? null : `the child ended with ${signal ?? code}:\n${errors}` };
  }
  const ended = end(process_);

  function command(one: Command): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (process_.exitCode !== null || process_.signalCode !== null) return reject(new ChildEnded('the child ended'));
      const id = nextId;
      nextId += 1;
      answers.set(id, { resolve, reject });
      commands.write(`${JSON.stringify({ id, ...one })}\n`);
    });
  }

  return {
    listening,
    url: () => url,
    command,
    count: async () => (await command({ do: 'count' })) as Counts,
    kill: () => process_.kill('SIGKILL'),
    ended,
  };
}
