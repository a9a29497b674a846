import type { LineFormat } from '../formats/format.ts';
import type { BatchResult } from '../intake.ts';

/** A format that counts what becomes of the lines of one batch. */
export interface CountingFormat {
  readonly format: LineFormat;
  /** What became of the `lines` lines so far; those that the format never saw were refused before it (too long). */
  result(lines: number): BatchResult;
}

/** So that what is stored under a key can say the result of the very append that it travels with. */
export function countingFormat(format: LineFormat): CountingFormat {
  let accepted = 0;
  let dropped = 0;
  return {
    format: {
      name: format.name,
      parse(line) {
        const outcome = format.parse(line);
        if (outcome.type === 'ok') accepted += 1;
        else if (outcome.type === 'drop') dropped += 1;
        return outcome;
      },
    },
    result: (lines) => ({ lines, accepted, dropped, deadLettered: lines - accepted - dropped }),
  };
}
