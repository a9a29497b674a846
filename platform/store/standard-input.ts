import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { isatty } from 'node:tty';

const STANDARD_INPUT = 0;

/**
 * Puts an empty input in the place of this process's standard input, unless that is a terminal.
 *
 * The engine takes whatever stands on descriptor 0 for further rows of an INSERT (chdb 3.4.0; there is no setting against
 * it): a program started as `while read ...; do gatewatch run; done < file`, or from a script that is itself piped into a
 * shell, would have its inserts refused, or rows of strangers stored. Whoever reads standard input must not open a store.
 */
export function closeStandardInput(): void {
  if (isatty(STANDARD_INPUT)) return;
  try {
    closeSync(STANDARD_INPUT);
  } catch {
    // It was closed before the start.
  }
  // The lowest free number is taken (POSIX, open): that of standard input.
  const opened = openSync(devNull, 'r');
  if (opened !== STANDARD_INPUT) closeSync(opened);
}
