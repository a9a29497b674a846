import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { inspect } from 'node:util';
import type { Reading } from './durations.ts';

/**
 * A value that must not be printed. It shows itself as `[secret]` in JSON, in templates and in `console.log`; only
 * `reveal` gives it out.
 */
export interface Secret {
  reveal(): string;
  toString(): string;
  toJSON(): string;
}

export type Environment = Readonly<Record<string, string | undefined>>;
/** Reads a whole file as text; throws as `fs` does. */
export type ReadTextFile = (path: string) => string;

export const readTextFile: ReadTextFile = (path) => readFileSync(path, 'utf8');

const SHOWN = '[secret]';

/** Wraps a value so that it cannot be printed by mistake. */
export function createSecret(value: string): Secret {
  // The value lives in the closure, not in a property: no inspection of the object shows it.
  const secret = { reveal: () => value, toString: () => SHOWN, toJSON: () => SHOWN };
  Object.defineProperty(secret, inspect.custom, { value: () => SHOWN });
  return secret;
}

/**
 * Reads `${env:NAME}` or `${file:/path}` and fetches the value; the line end after a file's value is not part of it.
 * A value given in clear is refused. Never throws, and no message holds the value or a part of it.
 * `suggestedName` is the environment variable that the advice names.
 */
export function readSecret(
  written: unknown,
  suggestedName: string,
  env: Environment,
  readFile: ReadTextFile,
): Reading<Secret> {
  const advice = `\${env:${suggestedName}}`;
  const text = typeof written === 'string' ? written.trim() : '';
  const reference = /^\$\{(env|file):([^{}]*)\}$/.exec(text);
  if (reference === null) {
    return {
      ok: false,
      message: 'a secret does not belong in this file: name where it is kept',
      fix: `${advice} or \${file:/run/secrets/${suggestedName.toLowerCase()}}`,
    };
  }
  const name = reference[2] ?? '';
  return reference[1] === 'env' ? fromEnvironment(name, advice, env) : fromFile(name, readFile);
}

function fromEnvironment(name: string, advice: string, env: Environment): Reading<Secret> {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return { ok: false, message: 'the part after env: is not the name of an environment variable', fix: advice };
  }
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value === undefined || value === '') {
    const what = value === undefined ? 'is not set' : 'is empty';
    return {
      ok: false,
      message: `the environment variable ${name} ${what}`,
      fix: `export ${name}=... before the start, or name another place: \${file:/path}`,
    };
  }
  return { ok: true, value: createSecret(value) };
}

function fromFile(path: string, readFile: ReadTextFile): Reading<Secret> {
  if (!isAbsolute(path)) {
    return { ok: false, message: 'the file of a secret needs its full path', fix: `\${file:/full/path/to/the/secret}` };
  }
  try {
    const value = readFile(path).replace(/\r?\n$/, '');
    if (value !== '') return { ok: true, value: createSecret(value) };
    return { ok: false, message: `the file ${path} is empty`, fix: 'put the secret into the file, on one line' };
  } catch (error) {
    return { ok: false, message: `the file ${path} cannot be read (${errorCode(error)})`, fix: READABLE_FILE };
  }
}

const READABLE_FILE = 'the full path of a file that the account of gatewatch may read';

/** The system's short code of a failed file operation (ENOENT, EACCES), never its message. */
export function errorCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unreadable';
}

/** Length of the pseudonym key: that of the HMAC-SHA-256 output, as RFC 2104 section 3 advises. */
export const KEY_BYTES = 32;

/** The 32 bytes that a secret holds as 64 hexadecimal digits, base64 or base64url; null when it holds anything else. */
export function keyBytes(secret: Secret): Buffer | null {
  const text = secret.reveal().trim();
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return null;
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === KEY_BYTES ? bytes : null;
}
