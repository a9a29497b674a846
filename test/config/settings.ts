import assert from 'node:assert/strict';
import type { Problem } from '../../config/problem.ts';
import type { Config } from '../../config/schema.ts';
import type { ReadTextFile } from '../../config/secrets.ts';
import { checkConfig } from '../../config.ts';

/** A disk without files. */
export const NO_FILE: ReadTextFile = () => {
  throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
};

/** The settings of a text that must have no problem. */
export function accepted(text: string, env = {}, readFile = NO_FILE, fileName = 'gw.yaml'): Config {
  const result = checkConfig(text, fileName, env, readFile);
  assert.ok('config' in result, JSON.stringify(result));
  return result.config;
}

/** The problems of a text that must have some. */
export function refused(text: string, env = {}, readFile = NO_FILE, fileName = 'gw.yaml'): readonly Problem[] {
  const result = checkConfig(text, fileName, env, readFile);
  assert.ok('problems' in result, `accepted: ${text}`);
  assert.ok(result.problems.length > 0);
  return result.problems;
}
