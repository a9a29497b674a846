import fc from 'fast-check';
import { readSampleLines } from './read-samples.ts';

/** All lines of all samples. */
export const sampleLines: readonly string[] = [
  'apache.log',
  'nginx.log',
  'json.log',
  'nginx-produced.log',
  'nginx-combined-produced.log',
].flatMap(readSampleLines);

/** Pieces that break naive parsers. */
const pieces = fc.oneof(
  fc.constantFrom(
    '"',
    '\\',
    '\\"',
    '\\x',
    '\\xZZ',
    '] "',
    '[',
    ' ',
    '-',
    '{',
    '}',
    '{"a":',
    '\u0000',
    '\ud800',
    '\udfff',
    '%00',
    '?',
    '://',
    ',',
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
);

/** A sample line, cut, with pieces put in or written over it. */
const mutated = fc
  .tuple(
    fc.constantFrom(...sampleLines),
    fc.array(fc.tuple(fc.nat(), fc.nat({ max: 6 }), pieces), { maxLength: 4 }),
    fc.nat(),
  )
  .map(([line, edits, cut]) => {
    let text = line;
    for (const [at, length, piece] of edits) {
      const place = at % (text.length + 1);
      text = text.slice(0, place) + piece + text.slice(place + length);
    }
    return cut % 3 === 0 ? text.slice(0, cut % (text.length + 1)) : text;
  });

/** Any line that a hostile client or a broken shipper could make: sample lines, mutations of them, bytes of any kind. */
export const anyLine = fc.oneof(
  { weight: 6, arbitrary: mutated },
  { weight: 1, arbitrary: fc.constantFrom(...sampleLines) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 200 }) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('utf8')) },
  { weight: 1, arbitrary: fc.json() },
);
