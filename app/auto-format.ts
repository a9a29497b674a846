import { open } from 'node:fs/promises';
import type { LineFormat } from '../ingest/formats/format.ts';
import { type FormatSettings, formatByName } from '../ingest/formats/registry.ts';
import { chooseFormat } from '../ingest/source-format.ts';
import type { Bus, Logger } from '../platform/ports.ts';

/** Bytes of a source's beginning that detection looks at: a hundred long lines. */
const SAMPLE_BYTES = 256 * 1024;
/** How often a file that is missing or empty is looked at again. */
const LOOK_MS = 500;

const markKey = (source: string) => `format/${source}`;

/** Remembers which format was found for a source: the same lines must be read the same way after a restart. */
export async function rememberFormat(bus: Bus, source: string, name: string): Promise<void> {
  await bus.append([], [{ key: markKey(source), value: name }]);
}

/**
 * The format of a file source: as configured, as remembered, or found from the file's first lines once there are some.
 * Null when `signal` ends the waiting. Throws `format_unknown` when the lines are of no known format.
 */
export async function formatOfFile(
  bus: Bus,
  source: { name: string; path: string; format: string },
  settings: FormatSettings,
  log: Logger,
  signal: AbortSignal,
): Promise<LineFormat | null> {
  if (source.format !== 'auto') return formatByName(source.format, settings);
  const remembered = bus.getMark(markKey(source.name));
  if (remembered !== null) return formatByName(remembered, settings);
  for (let waited = false; !signal.aborted; waited = true) {
    const sample = await readSample(source.path);
    if (sample.length > 0) {
      const { format, explanation } = chooseFormat('auto', settings, sample);
      log.info({ source: source.name, format: format.name }, explanation);
      await rememberFormat(bus, source.name, format.name);
      return format;
    }
    if (!waited) log.info({ source: source.name }, 'waits for the first line, to tell the format');
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return null;
}

/** Whole lines from the beginning of a file; empty when there is none yet. */
async function readSample(path: string): Promise<Buffer> {
  const file = await open(path).catch(() => null);
  if (file === null) return Buffer.alloc(0);
  try {
    const buffer = Buffer.alloc(SAMPLE_BYTES);
    const { bytesRead } = await file.read(buffer, 0, SAMPLE_BYTES, 0);
    return buffer.subarray(0, buffer.subarray(0, bytesRead).lastIndexOf(10) + 1);
  } finally {
    await file.close();
  }
}
