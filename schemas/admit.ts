import { type BlockView, positionAt } from './block.ts';

/** The highest position seen of each source, within one bus partition. */
export type HighMarks = Map<string, number>;

/**
 * Decides which lines of a block are new. A line is a repeat when its position is at or below the high mark of its
 * source: after a crash lines arrive again in blocks cut differently, at other offsets, so only positions can tell.
 * Raises the marks of the admitted lines.
 *
 * `onLines(source, from, to)` gets stretches of admitted lines as byte ranges [from, to), in order; every line in a
 * stretch ends with '\n'. Returns how many lines were repeats.
 *
 * Guarantee: over any interleaving of re-cut, repeated and out-of-date blocks, each (source, position) is admitted once,
 * provided that the first appearances of a source's positions are in rising order.
 */
export function admit(
  block: BlockView,
  high: HighMarks,
  onLines: (source: string, from: number, to: number, count: number) => void,
): number {
  const { bytes } = block;
  let offset = block.start;
  let repeats = 0;
  for (const run of block.header.runs) {
    const mark = high.get(run.source) ?? -1;
    if (run.first > mark) {
      const from = offset;
      offset = skipLines(bytes, offset, run.count);
      raise(high, run.source, run.last);
      onLines(run.source, from, offset, run.count);
      continue;
    }
    let skipped = 0;
    while (skipped < run.count && positionAt(bytes, offset) <= mark) {
      offset = skipLines(bytes, offset, 1);
      skipped += 1;
    }
    repeats += skipped;
    if (skipped === run.count) continue;
    const from = offset;
    offset = skipLines(bytes, offset, run.count - skipped);
    raise(high, run.source, run.last);
    onLines(run.source, from, offset, run.count - skipped);
  }
  return repeats;
}

/** Sets a mark and moves its source behind all others, so that the map is in order of last use. */
function raise(high: HighMarks, source: string, position: number): void {
  high.delete(source);
  high.set(source, position);
}

function skipLines(bytes: Buffer, offset: number, count: number): number {
  let at = offset;
  for (let i = 0; i < count; i++) {
    const end = bytes.indexOf(10, at);
    if (end < 0) throw new Error('block ends inside a line');
    at = end + 1;
  }
  return at;
}
