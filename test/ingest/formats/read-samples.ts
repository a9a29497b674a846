import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const FOLDER = join('test', 'ingest', 'formats', 'samples');

/** The text of a file in test/ingest/formats/samples, wherever the tests were compiled to. */
export function readSample(name: string): string {
  for (let dir = import.meta.dirname; ; dir = dirname(dir)) {
    const path = join(dir, FOLDER, name);
    if (existsSync(path)) return readFileSync(path, 'utf8');
    if (dir === dirname(dir)) return readFileSync(join(process.cwd(), FOLDER, name), 'utf8');
  }
}

/** The lines of a sample; the last line end makes no line. */
export function readSampleLines(name: string): string[] {
  return readSample(name).replace(/\n$/, '').split('\n');
}
