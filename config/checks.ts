import { normalize } from 'node:path';
import Value from 'typebox/value';
import { createJsonFormat } from '../ingest/formats/json-mapping.ts';
import { type JsonMapping, JsonMappingSchema } from '../ingest/formats/json-mapping-schema.ts';
import { GatewatchError } from '../schemas/errors.ts';
import { DEFAULT_POLICY, type Policy, RUNGS, rungsThatDoNotRise } from '../schemas/policy.ts';
import { checkMode, type IsWritten } from './mode-checks.ts';
import { isLoopbackHost } from './places.ts';
import type { Report } from './problem.ts';
import type { Partially, WrittenConfig } from './schema.ts';
import { KEY_BYTES, keyBytes } from './secrets.ts';

/** A guess at a token of 16 characters from a 64-letter alphabet hits once in 2^96 tries; shorter ones can be tried out. */
export const TOKEN_MIN_CHARS = 16;

/** Rules that look at more than one setting, or at a fetched value. Settings that are not readable are passed over. */
export function checkSettings(config: Partially<WrittenConfig>, isWritten: IsWritten, report: Report): void {
  checkMode(config, isWritten, report);
  checkListener(config, report);
  checkSources(config, report);
  const key = config.pseudonym_key;
  if (key !== undefined && keyBytes(key) === null) {
    const fix = `the output of: openssl rand -base64 ${KEY_BYTES}`;
    report('pseudonym_key', `the key must be ${KEY_BYTES} bytes, as base64 or as 64 hexadecimal digits`, fix);
  }
}

function checkListener({ listen }: Partially<WrittenConfig>, report: Report): void {
  const token = listen?.ingest_token?.reveal();
  if (token !== undefined && !isUsableToken(token)) {
    const message = `the token must be at least ${TOKEN_MIN_CHARS} visible ASCII characters without a blank`;
    report('listen.ingest_token', message, 'the output of: openssl rand -hex 32');
  }
  // A token that is written but not readable has its own problem already: the host is then not at fault.
  if (listen?.host === undefined || token !== undefined || 'ingest_token' in listen) return;
  if (isLoopbackHost(listen.host)) return;
  const message = 'other machines can reach this address, so listen.ingest_token must be set: anybody could send lines';
  report('listen.host', message, `ingest_token: \${env:GATEWATCH_INGEST_TOKEN} (below listen), or host: 127.0.0.1`);
}

/** The token travels in a header (RFC 6750 section 2.1). */
function isUsableToken(token: string): boolean {
  return token.length >= TOKEN_MIN_CHARS && /^[\x21-\x7e]+$/.test(token);
}

function checkSources({ sources }: Partially<WrittenConfig>, report: Report): void {
  const names = new Map<string, number>();
  const files = new Map<string, number>();
  for (const [index, source] of (sources ?? []).entries()) {
    if (source === undefined) continue;
    const at = `sources[${index}]`;
    const { name, mapping, format } = source;
    if (name !== undefined) {
      const first = names.get(name);
      if (first !== undefined) {
        report(`${at}.name`, `sources[${first}] has the same name`, `name: ${freeName(name, sources ?? [])}`);
      } else {
        names.set(name, index);
      }
    }
    if (mapping !== undefined && format !== undefined && format !== 'json') {
      report(`${at}.mapping`, `a mapping is for format json, not ${format}`, 'format: json, or remove mapping');
    }
    if (mapping !== undefined) checkMappingFields(mapping, `${at}.mapping`, report);
    checkFilePath(source, index, files, report);
  }
}

function checkFilePath(
  source: { readonly type?: string | undefined; readonly path?: string | undefined },
  index: number,
  files: Map<string, number>,
  report: Report,
): void {
  if (source.type !== 'file' || source.path === undefined) return;
  const at = `sources[${index}].path`;
  const path = normalize(source.path);
  const first = files.get(path);
  if (first === undefined) files.set(path, index);
  else report(at, `sources[${first}] reads this file already`, 'path: another file');
  if (/[*?]/.test(source.path)) {
    report(at, 'patterns are not looked up: a source is one file', 'path: /var/log/nginx/access.log');
  }
}

function freeName(name: string, sources: readonly ({ readonly name?: string | undefined } | undefined)[]): string {
  for (let number = 2; ; number++) {
    const candidate = `${name}-${number}`;
    if (sources.every((source) => source?.name !== candidate)) return candidate;
  }
}

/**
 * Rules of a mapping that its schema cannot say: where the request stands must be known, else every line is refused, and
 * the paths must be readable.
 */
export function checkMappingFields(mapping: Partially<JsonMapping>, path: string, report: Report): void {
  if (!('path' in mapping) && !('request_line' in mapping)) {
    report(path, 'says neither where the path of the request stands (path), nor the request line', 'path: request_uri');
  }
  if (!Value.Check(JsonMappingSchema, mapping)) return;
  try {
    createJsonFormat('json', mapping, null);
  } catch (error) {
    if (!(error instanceof GatewatchError)) throw error;
    report(path, error.message.replace(/^mapping: /, ''), 'names of members, joined by dots');
  }
}

/** The ladder must rise, else a milder action would need more evidence than a harsher one. */
export function checkPolicySettings(policy: Partially<Policy>, path: string, report: Report): void {
  const ladder = policy.ladder;
  if (ladder === undefined) return;
  const at = path === '' ? '' : `${path}.`;
  for (const { lower, upper } of rungsThatDoNotRise(definedOnly(ladder))) {
    const message = `must be above ${lower} (${ladder[lower]}), and is ${ladder[upper]}`;
    report(`${at}ladder.${upper}`, message, risingLadder(ladder));
  }
}

function definedOnly(ladder: Partially<Policy['ladder']>): Partial<Policy['ladder']> {
  return Object.fromEntries(Object.entries(ladder).filter(([, nats]) => nats !== undefined));
}

/** The written ladder with the rungs that do not rise lifted by the distances of the default one. */
function risingLadder(ladder: Partially<Policy['ladder']>): string {
  let last = Number.NEGATIVE_INFINITY;
  let lastDefault = 0;
  const rungs = RUNGS.map((rung) => {
    const standard = DEFAULT_POLICY.ladder[rung];
    const written = ladder[rung] ?? standard;
    const nats = written > last ? written : last + standard - lastDefault;
    last = nats;
    lastDefault = standard;
    return `${rung}: ${Number(nats.toFixed(3))}`;
  });
  return `ladder: { ${rungs.join(', ')} }`;
}
