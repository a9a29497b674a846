import { createBlockEncoder } from '../../ingest/encoder.ts';
import type { EventLine } from '../../ingest/event-line.ts';
import { emptyRecord, LINE_MAX_BYTES, type LineFormat } from '../../ingest/formats/format.ts';
import { createIntake, type Intake } from '../../ingest/intake.ts';
import type { Bus, Logger, Metrics, OutRecord } from '../../platform/ports.ts';
import { openBlock } from '../../schemas/block.ts';
import type { DeadLetter } from '../../schemas/dead-letter.ts';
import type { SourcesMemoryBus } from './sources-memory-bus.ts';

/** A line that became durable: of which source, at which position, with which text. */
export interface StoredLine {
  readonly source: string;
  readonly position: number;
  readonly text: string;
}

/** A format for tests: lines that begin with `n` are events, empty ones and comments (#) are passed over. */
export const TEST_FORMAT: LineFormat = {
  name: 'test',
  parse(line) {
    if (line === '') return { type: 'drop', reason: 'empty', why: 'empty' };
    if (line.startsWith('#')) return { type: 'drop', reason: 'not_access_line', why: 'a comment' };
    if (line.startsWith('n') || line.startsWith('{"n"')) return { type: 'ok', value: { ...emptyRecord(), path: line } };
    return { type: 'deadLetter', reason: 'not_in_format', why: 'not a test line' };
  },
};

/** Event lines that hold the position and the line's text, spread over the partitions by length. */
export function textLine(partitions: number): EventLine {
  const bytes = Buffer.alloc(4 * LINE_MAX_BYTES);
  const line: EventLine = {
    encode(record, position) {
      const path = record.path ?? '';
      line.length = bytes.write(JSON.stringify([position, path]));
      line.partition = path.length % partitions;
    },
    bytes,
    length: 0,
    partition: 0,
  };
  return line;
}

export const QUIET_LOG: Logger = { info() {}, warn() {}, error() {} };
export const NO_METRICS: Metrics = { count() {}, gauge() {} };

/** A log that keeps its messages. */
export function keepingLog(): Logger & { readonly messages: string[] } {
  const messages: string[] = [];
  const keep = (_fields: unknown, message: string) => messages.push(message);
  return { messages, info: keep, warn: keep, error: keep };
}

/** The real intake before a bus, with event lines that hold the text as it came. */
export function testIntake(bus: SourcesMemoryBus, retryMs = 10): Intake {
  const partitions = bus.partitions('events');
  return createIntake({
    // The intake appends and asks for the number of partitions, and nothing else.
    bus: bus as unknown as Bus,
    encoder: createBlockEncoder({ partitions, epoch: 1 }),
    line: textLine(partitions),
    clock: { now: () => Date.now() },
    metrics: NO_METRICS,
    log: QUIET_LOG,
    retryMs,
  });
}

/** The lines in durable records, in the order in which a reader of each partition sees them. */
export function storedLines(records: readonly OutRecord[]): StoredLine[] {
  const lines: StoredLine[] = [];
  for (const record of records) {
    if (record.topic !== 'events') continue;
    const block = openBlock(record.value);
    const rows = block.bytes.toString('utf8', block.start).split('\n');
    let row = 0;
    for (const run of block.header.runs) {
      for (let i = 0; i < run.count; i++) {
        const [position, text] = JSON.parse(rows[row++] as string) as [number, string];
        lines.push({ source: run.source, position, text });
      }
    }
  }
  return lines;
}

/** The dead letters in durable records. */
export function deadLetters(records: readonly OutRecord[]): DeadLetter[] {
  return records
    .filter((record) => record.topic === 'dead-letter')
    .map((record) => JSON.parse(Buffer.from(record.value).toString()) as DeadLetter);
}

/** Longest wait of a test: a wait in vain must end by itself, or the test process would not. */
const WAIT_MAX_MS = 15_000;

/** Waits until the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + WAIT_MAX_MS;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`waited in vain for: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
