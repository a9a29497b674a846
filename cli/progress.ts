import type { Clock } from '../platform/ports.ts';

/** Where progress is drawn. `process.stderr` fits. */
export interface ProgressTarget {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface Progress {
  /** Totals so far, not differences. Cheap enough to be called for every block of lines. */
  update(bytes: number, lines: number): void;
  /** Draws the last state and ends the line. Idempotent. */
  finish(): void;
}

/** A person sees no more than about ten changes a second. */
const REDRAW_MS = 100;
const BAR_CHARS = 24;
/** Width when the terminal does not say its own: the classic one. */
const DEFAULT_COLUMNS = 80;

/**
 * A progress line: bar, share and remaining time when the size is known, else bytes read; lines a second, averaged from
 * the start. Draws on a terminal alone, at most ten times a second; anywhere else it writes nothing.
 */
export function createProgress(options: {
  readonly target: ProgressTarget;
  readonly clock: Clock;
  /** null when it cannot be known (standard input). */
  readonly totalBytes: number | null;
}): Progress {
  const { target, clock, totalBytes } = options;
  if (target.isTTY !== true) return { update: () => undefined, finish: () => undefined };
  const startedMs = clock.now();
  let drawnMs = Number.NEGATIVE_INFINITY;
  let drawnChars = 0;
  let bytes = 0;
  let lines = 0;
  let finished = false;

  function draw(nowMs: number): void {
    const text = progressLine({ bytes, lines, totalBytes, elapsedMs: nowMs - startedMs });
    // One column stays free: a full line wraps on some terminals. Blanks wipe what a longer line left behind.
    const columns = Math.max(1, target.columns || DEFAULT_COLUMNS) - 1;
    const cut = text.slice(0, columns);
    target.write(`\r${cut.padEnd(Math.min(drawnChars, columns))}`);
    drawnChars = cut.length;
    drawnMs = nowMs;
  }

  return {
    update(bytesNow, linesNow) {
      if (finished) return;
      bytes = bytesNow;
      lines = linesNow;
      const nowMs = clock.now();
      if (nowMs - drawnMs >= REDRAW_MS) draw(nowMs);
    },
    finish() {
      if (finished) return;
      finished = true;
      draw(clock.now());
      target.write('\n');
    },
  };
}

/** The text of one progress line, without line end. */
export function progressLine(state: {
  readonly bytes: number;
  readonly lines: number;
  readonly totalBytes: number | null;
  readonly elapsedMs: number;
}): string {
  const { bytes, lines, totalBytes, elapsedMs } = state;
  const perSecond = elapsedMs > 0 ? Math.round((lines * 1000) / elapsedMs) : 0;
  const rate = `${perSecond.toLocaleString('en-US')} lines/s`;
  if (totalBytes === null) return `${sizeText(bytes)}  ${rate}`;
  const share = totalBytes > 0 ? Math.min(1, bytes / totalBytes) : 1;
  const full = Math.floor(share * BAR_CHARS);
  const bar = `[${'#'.repeat(full)}${'-'.repeat(BAR_CHARS - full)}]`;
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  const left = bytes > 0 ? Math.ceil((elapsedMs * Math.max(0, totalBytes - bytes)) / bytes / 1000) : null;
  const eta = left === null ? '' : `  ${timeText(left)} left`;
  return `${bar} ${percent}  ${sizeText(bytes)} of ${sizeText(totalBytes)}  ${rate}${eta}`;
}

const SIZE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

function sizeText(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  while (amount >= 1024 && unit < SIZE_UNITS.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? amount : amount.toFixed(1)} ${SIZE_UNITS[unit]}`;
}

/** `0:07`, `12:30`, `1:02:03`. */
function timeText(seconds: number): string {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (parts[0] === 0) parts.shift();
  return parts.map((part, index) => (index === 0 ? `${part}` : `${part}`.padStart(2, '0'))).join(':');
}
