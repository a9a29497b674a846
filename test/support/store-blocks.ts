import { encodeHeader } from '../../schemas/block.ts';
import { EVENT_COLUMN_NAMES, EVENT_SCHEMA_VERSION, RECEIPT_COLUMNS } from '../../schemas/columns.ts';
import { type TestEvent, testLine } from './event-blocks.ts';

/** Columns of a stored event row: the receipt, then the event line. */
export const ROW_COLUMNS: readonly string[] = [...RECEIPT_COLUMNS.map((column) => column.name), ...EVENT_COLUMN_NAMES];

/** A line of a block: an event at a position of its source, or text that stands there in its place. */
export interface PlacedEvent extends Partial<TestEvent> {
  readonly source: string;
  readonly position: number;
  /** The line as it stands in the block, without line end. */
  readonly raw?: string;
}

export function placedLine(event: PlacedEvent): string {
  return event.raw ?? testLine({ timeMs: 0, who: 'somebody', ...event }, event.position);
}

/** A block with these lines in this order, received now: rows received long ago are gone from the store at once. */
export function blockOf(events: readonly PlacedEvent[], received = Date.now()): Buffer {
  const runs: { source: string; first: number; last: number; count: number }[] = [];
  for (const { source, position } of events) {
    const run = runs.at(-1);
    if (run?.source === source && run.last < position) {
      run.last = position;
      run.count += 1;
    } else runs.push({ source, first: position, last: position, count: 1 });
  }
  const header = { v: EVENT_SCHEMA_VERSION, epoch: 1, received, clock: null, columns: EVENT_COLUMN_NAMES, runs };
  return Buffer.from(encodeHeader(header) + events.map((event) => `${placedLine(event)}\n`).join(''));
}

/** Rows as the store takes them: each line with its receipt in front. */
export function rowsOf(
  events: readonly PlacedEvent[],
  at: { received?: number; partition?: number; offset?: number } = {},
) {
  const { received = Date.now(), partition = 0, offset = 0 } = at;
  return Buffer.from(
    events
      .map((event) => `[${received},${partition},${offset},${event.source},${placedLine(event).slice(1)}\n`)
      .join(''),
  );
}
