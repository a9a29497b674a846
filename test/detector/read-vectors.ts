import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The points of test/detector/vectors/NAME.json: rows of numbers made by make.py beside it, with mpmath at 60 digits. */
export function readVectors<Point extends readonly unknown[]>(name: string): readonly Point[] {
  const path = join('test', 'detector', 'vectors', `${name}.json`);
  // Compiled tests lie outside the source tree: look upwards from here, then from the working directory.
  for (let dir = import.meta.dirname; ; dir = dirname(dir)) {
    if (existsSync(join(dir, path))) return parse(join(dir, path));
    if (dir === dirname(dir)) return parse(join(process.cwd(), path));
  }
}

function parse<Point>(path: string): readonly Point[] {
  return (JSON.parse(readFileSync(path, 'utf8')) as { points: readonly Point[] }).points;
}
