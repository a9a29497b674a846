import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createBlockEncoder } from '../../ingest/encoder.ts';
import { admit, type HighMarks } from '../../schemas/admit.ts';
import { openBlock, positionAt } from '../../schemas/block.ts';

/** Blocks of one partition that hold the given positions of the given sources, cut where told. */
function blocksOf(lines: readonly { source: string; position: number }[], cuts: ReadonlySet<number>): Buffer[] {
  const encoder = createBlockEncoder({ partitions: 1, epoch: 1 });
  const blocks: Buffer[] = [];
  const take = () => {
    const block = encoder.take(0, 0, null);
    if (block !== null) blocks.push(block.value);
  };
  lines.forEach(({ source, position }, i) => {
    const line = Buffer.from(`[${position},"x${position}"]`);
    encoder.add(0, source, position, line, line.length);
    if (cuts.has(i)) take();
  });
  take();
  return blocks;
}

function admitted(blocks: readonly Buffer[]): string[] {
  const high: HighMarks = new Map();
  const seen: string[] = [];
  for (const value of blocks) {
    const block = openBlock(value);
    admit(block, high, (source, from, to, count) => {
      let lines = 0;
      for (let at = from; at < to; at = block.bytes.indexOf(10, at) + 1) {
        seen.push(`${source}/${positionAt(block.bytes, at)}`);
        lines += 1;
      }
      assert.equal(lines, count);
    });
  }
  return seen;
}

test('any interleaving of re-cut, repeated and out-of-date blocks yields each position once, in order', () => {
  const source = fc.constantFrom('11', '22', '33');
  const log = fc.array(source, { minLength: 1, maxLength: 60 }).map((sources) => {
    const next = new Map<string, number>();
    return sources.map((id) => {
      const position = (next.get(id) ?? 0) + 1 + (id.charCodeAt(0) % 3);
      next.set(id, position);
      return { source: id, position };
    });
  });
  const cuts = fc.array(fc.nat(60)).map((at) => new Set(at));
  fc.assert(
    fc.property(
      log,
      cuts,
      fc.array(fc.tuple(fc.nat(60), fc.nat(60), cuts), { maxLength: 5 }),
      (lines, firstCuts, repeats) => {
        // The first appearance of every line is in order; repeats of any earlier stretch, cut anew, come anywhere after.
        const blocks = blocksOf(lines, firstCuts);
        const positions = blocks.map((_, i) => i);
        const withRepeats: Buffer[] = [];
        let shown = 0;
        for (const i of positions) {
          const block = blocks[i] as Buffer;
          withRepeats.push(block);
          shown += openBlock(block).header.runs.reduce((sum, run) => sum + run.count, 0);
          for (const [a, b, again] of repeats) {
            const from = Math.min(a, b) % shown;
            withRepeats.push(...blocksOf(lines.slice(from, Math.min(shown, Math.max(a, b) + 1)), again));
          }
        }
        assert.deepEqual(
          admitted(withRepeats),
          lines.map((line) => `${line.source}/${line.position}`),
        );
      },
    ),
  );
});

test('a run that is wholly new is admitted as one stretch, and one that is wholly old as none', () => {
  const lines = [1, 2, 3, 4].map((position) => ({ source: '7', position }));
  const [block] = blocksOf(lines, new Set()) as [Buffer];
  const high: HighMarks = new Map();
  const counts: number[] = [];
  assert.equal(
    admit(openBlock(block), high, (_s, _f, _t, count) => counts.push(count)),
    0,
  );
  assert.equal(
    admit(openBlock(block), high, (_s, _f, _t, count) => counts.push(count)),
    4,
  );
  assert.deepEqual(counts, [4]);
  assert.equal(high.get('7'), 4);
});
