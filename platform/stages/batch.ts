import type { DeadLetter } from '../../schemas/dead-letter.ts';
import type { BusRecord, Insert } from '../ports.ts';

/** An insert of a batch, before it has its token. */
export interface BatchInsert extends Omit<Insert, 'token'> {
  readonly lines: number;
  /** Facts of one of its lines, for the dead letter. */
  describe(line: Buffer): Pick<DeadLetter, 'source' | 'position' | 'received' | 'format'>;
}

/**
 * The records of one bus partition on their way into the store: skips repeats, and turns the rest into inserts. The same
 * records, beginning with the same marks, give the same bytes.
 */
export interface Batch {
  /** Rows and bytes in hand. */
  readonly rows: number;
  readonly bytes: number;
  /** Takes a record in; false when it cannot stand in one insert with those in hand, which then changes nothing. */
  add(record: BusRecord): boolean;
  /** The rows in hand as inserts; afterwards the batch is empty and keeps its marks. */
  take(): readonly BatchInsert[];
  /** JSON value that tells repeats from new records after everything added so far. */
  marks(): unknown;
}
