import { combinedDialect } from './combined-dialect.ts';
import type { LineFormat } from './format.ts';

/** Lines of a source's beginning that are looked at. */
export const DETECTION_MAX_LINES = 100;
/** A format must read at least this share of the lines that it does not recognise as something else. */
export const DETECTION_MIN_SHARE = 0.5;

/** How one format fared. */
export interface Attempt {
  readonly name: string;
  /** Lines read as requests. */
  readonly read: number;
  /** Lines recognised as something else and passed over. */
  readonly passedOver: number;
  /** Lines refused. */
  readonly refused: number;
  /** read / (read + refused); 0 when there are none. */
  readonly share: number;
  /** Why lines were not read, most frequent first. */
  readonly reasons: readonly { readonly why: string; readonly count: number }[];
}

export interface Detection {
  /** The chosen format, or null. */
  readonly format: LineFormat | null;
  readonly share: number;
  /** For people: what was chosen or assumed, and why; quotes no line. */
  readonly explanation: string;
  /** All formats that were tried, the best first. */
  readonly attempts: readonly Attempt[];
}

/**
 * Chooses the format that reads most of the first lines of a source. Of formats that read equally many the one that
 * stands first is taken, except that Apache and NGINX, which look alike, are told apart by combinedDialect.
 */
export function detectFormat(lines: readonly string[], formats: readonly LineFormat[]): Detection {
  const sample = lines.slice(0, DETECTION_MAX_LINES);
  const attempts = formats.map((format) => attempt(format, sample)).sort((a, b) => b.read - a.read);
  const best = attempts[0];
  if (best === undefined || best.read === 0 || best.share < DETECTION_MIN_SHARE) {
    return { format: null, share: best?.share ?? 0, explanation: explainFailure(sample, attempts), attempts };
  }
  const tied = formats.filter((format) => attempts.some((a) => a.name === format.name && a.read === best.read));
  const chosen = chooseAmong(tied, sample);
  const share = `${chosen.format.name} reads ${best.read} of ${best.read + best.refused} lines`;
  const passed = best.passedOver === 0 ? '' : `, and passes over ${best.passedOver}`;
  const why = chosen.because === '' ? '' : ` (${chosen.because})`;
  return { format: chosen.format, share: best.share, explanation: `${share}${passed}${why}`, attempts };
}

function attempt(format: LineFormat, lines: readonly string[]): Attempt {
  let read = 0;
  let passedOver = 0;
  let refused = 0;
  const counts = new Map<string, number>();
  for (const line of lines) {
    const outcome = format.parse(line);
    if (outcome.type === 'ok') read += 1;
    else {
      if (outcome.type === 'drop') passedOver += 1;
      else refused += 1;
      counts.set(outcome.why, (counts.get(outcome.why) ?? 0) + 1);
    }
  }
  const reasons = [...counts].map(([why, count]) => ({ why, count })).sort((a, b) => b.count - a.count);
  return { name: format.name, read, passedOver, refused, share: read === 0 ? 0 : read / (read + refused), reasons };
}

function chooseAmong(tied: readonly LineFormat[], lines: readonly string[]): { format: LineFormat; because: string } {
  const first = tied[0] as LineFormat;
  const apache = tied.find((format) => format.name === 'apache');
  const nginx = tied.find((format) => format.name === 'nginx');
  if (apache === undefined || nginx === undefined) return { format: first, because: '' };
  const readable: string[] = [];
  const timesMs: number[] = [];
  for (const line of lines) {
    const outcome = nginx.parse(line);
    if (outcome.type !== 'ok') continue;
    readable.push(line);
    timesMs.push(outcome.value.timeMs);
  }
  const dialect = combinedDialect(readable, timesMs);
  return { format: dialect.name === 'apache' ? apache : nginx, because: dialect.because };
}

function explainFailure(lines: readonly string[], attempts: readonly Attempt[]): string {
  if (lines.every((line) => line.trim() === '')) return 'there is no line to look at';
  const tries = attempts.map(({ name, read, refused, reasons }) => {
    const [reason] = reasons;
    return `${name} reads ${read} of ${read + refused}${reason === undefined ? '' : ` (${reason.why})`}`;
  });
  return `no format reads half of the first ${lines.length} lines: ${tries.join('; ')}`;
}
