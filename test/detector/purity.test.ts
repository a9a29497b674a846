import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..', '..', 'detector');
const sources = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'));

test('the detector raises to no power by Math.pow or **, whose bits differ between Node versions', () => {
  assert.ok(sources.length > 20);
  for (const name of sources) {
    const code = readFileSync(join(root, name), 'utf8')
      .replace(/\/\*[\s\S]*?\*\//g, '')
      .replace(/\/\/.*$/gm, '');
    assert.doesNotMatch(code, /\*\*|Math\s*\.\s*pow/, name);
  }
});
