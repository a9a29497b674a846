import type { Mark } from '../../platform/ports.ts';
import type { LineFormat } from '../formats/format.ts';
import type { Intake } from '../intake.ts';
import type { Wakeup } from './wakeup.ts';

/** Batches of one source that may wait for the intake at a time: one is made durable while the next is read. */
const IN_FLIGHT_MAX = 2;
/** The intake wakes the waiter; this only bounds a wait. */
const WAIT_MAX_MS = 60_000;
const NO_BYTES = Buffer.alloc(0);

/** Hands a file's lines to the intake, at most two batches at a time. */
export interface HandOver {
  /** Lines of a file, and how far it is read with them. */
  lines(source: string, bytes: Buffer, position: number, mark: Mark): void;
  /** Marks without lines. */
  marks(marks: readonly Mark[]): void;
  /** Resolves when a further batch may be handed over, or the source stops. */
  slot(): Promise<void>;
  /** Resolves when all that was handed over is durable, or the source stops. */
  drained(): Promise<void>;
  inFlight(): number;
}

/** `stopping` ends the waits; `failed` is called when the intake does not take what it was given. */
export function createHandOver(options: {
  intake: Pick<Intake, 'accept'>;
  sourceName: string;
  format: LineFormat;
  wakeup: Wakeup;
  stopping(): boolean;
  failed(error: unknown): void;
}): HandOver {
  const { intake, sourceName, format, wakeup, stopping, failed } = options;
  let inFlight = 0;

  function accept(source: string, bytes: Buffer, position: number, marks: readonly Mark[]): void {
    inFlight += 1;
    intake.accept({ sourceName, source, format, bytes, position, step: 'bytes', marks }).then(
      () => {
        inFlight -= 1;
        wakeup.wake();
      },
      (error: unknown) => {
        inFlight -= 1;
        failed(error);
        wakeup.wake();
      },
    );
  }

  async function below(limit: number): Promise<void> {
    while (inFlight >= limit && !stopping()) await wakeup.wait(WAIT_MAX_MS);
  }

  return {
    lines: (source, bytes, position, mark) => accept(source, bytes, position, [mark]),
    marks: (marks) => accept('0', NO_BYTES, 0, marks),
    slot: () => below(IN_FLIGHT_MAX),
    drained: () => below(1),
    inFlight: () => inFlight,
  };
}
