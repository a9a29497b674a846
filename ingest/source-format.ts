import { GatewatchError } from '../schemas/errors.ts';
import { DETECTION_MAX_LINES, detectFormat } from './formats/detect.ts';
import type { LineFormat } from './formats/format.ts';
import { FORMAT_NAMES, type FormatSettings, formatByName } from './formats/registry.ts';

/** The format of a source, and how it came to be. */
export interface SourceFormat {
  readonly format: LineFormat;
  /** For people: detected or named, and why. */
  readonly explanation: string;
}

/**
 * The format that a source's settings ask for. `auto` looks at the first lines. Throws GatewatchError `format_unknown`,
 * saying what was tried, when none reads them.
 */
export function chooseFormat(name: string, settings: FormatSettings, firstBytes: Buffer): SourceFormat {
  if (name !== 'auto') return { format: formatByName(name, settings), explanation: `format ${name}, as asked` };
  const formats = FORMAT_NAMES.map((known) => formatByName(known, settings));
  const detection = detectFormat(firstLines(firstBytes), formats);
  if (detection.format === null) throw new GatewatchError('format_unknown', detection.explanation);
  return { format: detection.format, explanation: detection.explanation };
}

function firstLines(bytes: Buffer): string[] {
  const lines: string[] = [];
  for (let from = 0; from < bytes.length && lines.length < DETECTION_MAX_LINES; ) {
    const newline = bytes.indexOf(10, from);
    const end = newline < 0 ? bytes.length : newline;
    lines.push(bytes.toString('utf8', from, end).replace(/\r$/, ''));
    from = end + 1;
  }
  return lines;
}
