import { join } from 'node:path';
import { createRetryIntake, openLog } from '../app/offline-log.ts';
import type { Config } from '../config/schema.ts';
import type { Bus, Clock } from '../platform/ports.ts';
import { terminalText } from '../platform/terminal-text.ts';
import type { DeadLetter } from '../schemas/dead-letter.ts';
import type { DeadLetterCommand } from './command.ts';
import type { Streams } from './replay.ts';

/** Letters read at a time. */
const PAGE = 500;
const PARTITION = 0;
/** Marks a letter that was read well later. */
export const RETRIED_PREFIX = 'dead-letter/retried/';
/** Bytes of a line that are shown. */
const SHOWN_MAX = 160;

interface Kept {
  readonly offset: number;
  readonly letter: DeadLetter;
}

/** `gatewatch dead-letter`: needs the data directory for itself, so the pipeline must be stopped. Throws GatewatchError. */
export async function deadLetter(
  command: DeadLetterCommand,
  config: Config,
  clock: Clock,
  { out, err }: Streams,
): Promise<void> {
  const bus = await openLog(config, clock);
  try {
    if (command.action === 'list') await list(bus, command, out, err);
    else await retry(bus, command, config, clock, err);
  } finally {
    await bus.close();
  }
}

async function* kept(bus: Bus, command: DeadLetterCommand): AsyncGenerator<Kept> {
  const end = await bus.endOffset('dead-letter', PARTITION);
  for (let from = 0; from < end; ) {
    const records = await bus.read('dead-letter', PARTITION, from, PAGE);
    for (const { offset, value } of records) {
      const letter = JSON.parse(value.toString()) as DeadLetter;
      if (command.reason !== null && letter.reason !== command.reason) continue;
      if (bus.getMark(`${RETRIED_PREFIX}${offset}`) === null) yield { offset, letter };
    }
    const last = records.at(-1);
    if (last === undefined) return;
    from = last.offset + 1;
  }
}

async function list(bus: Bus, command: DeadLetterCommand, out: Streams['out'], err: Streams['err']): Promise<void> {
  let shown = 0;
  let more = 0;
  for await (const { offset, letter } of kept(bus, command)) {
    if (command.limit !== null && shown >= command.limit) {
      more += 1;
      continue;
    }
    shown += 1;
    const received = letter.received === null ? '-' : new Date(letter.received).toISOString();
    const line = Buffer.from(letter.bytes, 'base64').toString('utf8').slice(0, SHOWN_MAX);
    out(
      `${offset}  ${received}  ${letter.reason}  ${letter.sourceName ?? '-'}  ${letter.why}\n    ${terminalText(line)}\n`,
    );
  }
  if (shown === 0) err.write('no dead letters\n');
  if (more > 0) err.write(`... and ${more} more; --limit shows more\n`);
}

async function retry(
  bus: Bus,
  command: DeadLetterCommand,
  config: Config,
  clock: Clock,
  err: Streams['err'],
): Promise<void> {
  const intake = await createRetryIntake(config, bus, clock);
  let tried = 0;
  let read = 0;
  for await (const { offset, letter } of kept(bus, command)) {
    if (command.limit !== null && tried >= command.limit) break;
    tried += 1;
    if (letter.truncated) continue;
    if (await intake.retry(letter, `${RETRIED_PREFIX}${offset}`)) read += 1;
  }
  await intake.close();
  err.write(`${tried} tried, ${read} read well, ${tried - read} stay\n`);
  if (read > 0) err.write(`they are judged and stored when gatewatch runs again on ${join(config.data_directory)}\n`);
}
