import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { checkMappingFields, checkPolicySettings, checkSettings } from './config/checks.ts';
import { settledKafka } from './config/kafka.ts';
import type { Shape } from './config/kinds.ts';
import { writtenOutRanges } from './config/places.ts';
import type { Problem, Report } from './config/problem.ts';
import { placeOf, type ReadingRun, readSetting } from './config/read-settings.ts';
import {
  type Config,
  ConfigSchema,
  DISTRIBUTED_CHECKPOINT_MS,
  type Partially,
  type Source,
  type WrittenConfig,
} from './config/schema.ts';
import { type Environment, errorCode, type ReadTextFile, readTextFile } from './config/secrets.ts';
import { settledStore } from './config/store.ts';
import { readTlsFiles, type TlsFiles } from './config/tls-files.ts';
import { openDocument } from './config/yaml-document.ts';
import { type JsonMapping, JsonMappingSchema } from './ingest/formats/json-mapping-schema.ts';
import { type Policy, PolicySchema } from './schemas/policy.ts';

/** The settings, or everything that must change before there are any. */
export type ConfigResult = { readonly config: Config } | { readonly problems: readonly Problem[] };
export type PolicyResult = { readonly policy: Policy } | { readonly problems: readonly Problem[] };
export type MappingResult = { readonly mapping: JsonMapping } | { readonly problems: readonly Problem[] };

/** Where settings are looked for when no file is named. */
export const DEFAULT_CONFIG_FILE = 'gatewatch.yaml';

/**
 * Reads settings from YAML text. Finds every problem at once and never throws.
 *
 * `fileName` names the text in problems; relative paths in it count from its folder, except the default data directory,
 * which counts from the working directory. `env` is where `${env:X}` looks; `readFile` fetches `${file:/path}` and a
 * policy that is named by its path. An empty text yields the defaults.
 */
export function checkConfig(
  text: string,
  fileName: string,
  env: Environment,
  readFile: ReadTextFile = readTextFile,
): ConfigResult {
  const problems: Problem[] = [];
  const shape = ConfigSchema as Shape;
  const { value, run, report } = readDocument<WrittenConfig>(text, fileName, shape, env, readFile, problems);
  checkSettings(value, (path) => run.places.has(path), report);
  const tls = tlsOf(value, fileName, run, report);
  const written = value.policy as string | Partially<Policy> | undefined;
  let policy: Policy | undefined;
  if (typeof written === 'string') {
    policy = fetchPolicy(beside(fileName, written), run, report, problems);
  } else if (written !== undefined) {
    checkPolicySettings(written, 'policy', report);
    policy = written as Policy;
  }
  if (problems.length > 0 || policy === undefined) return { problems: inReadingOrder(problems) };
  return { config: settled(value as WrittenConfig, policy, tls, fileName, run) };
}

/** Reads a policy file. Finds every problem at once and never throws. */
export function checkPolicy(text: string, fileName: string): PolicyResult {
  const problems: Problem[] = [];
  const { value, report } = readDocument<Policy>(text, fileName, PolicySchema as Shape, {}, readTextFile, problems);
  checkPolicySettings(value, '', report);
  return problems.length > 0 ? { problems: inReadingOrder(problems) } : { policy: value as Policy };
}

/** Reads a file that says how a JSON log names its fields. Finds every problem at once and never throws. */
export function checkMapping(text: string, fileName: string): MappingResult {
  const problems: Problem[] = [];
  const shape = JsonMappingSchema as Shape;
  const { value, report, broken } = readDocument<JsonMapping>(text, fileName, shape, {}, readTextFile, problems);
  if (!broken) checkMappingFields(value, '', report);
  return problems.length > 0 ? { problems: inReadingOrder(problems) } : { mapping: value as JsonMapping };
}

/**
 * Reads the settings of this process: the named file; without a name `gatewatch.yaml` of the working directory when it
 * is there, else the defaults. The environment is that of the process; nothing else of the program looks at it.
 */
export function readConfig(fileName: string | null): ConfigResult {
  if (fileName === null && !existsSync(DEFAULT_CONFIG_FILE)) return checkConfig('', DEFAULT_CONFIG_FILE, process.env);
  return withFile(fileName ?? DEFAULT_CONFIG_FILE, (text, name) => checkConfig(text, name, process.env));
}

/** Reads the policy file of that name. */
export function readPolicy(fileName: string): PolicyResult {
  return withFile(fileName, checkPolicy);
}

/** Reads the mapping file of that name. */
export function readMapping(fileName: string): MappingResult {
  return withFile(fileName, checkMapping);
}

function withFile<Result>(
  fileName: string,
  check: (text: string, fileName: string) => Result,
): Result | { readonly problems: readonly Problem[] } {
  let text: string;
  try {
    text = readTextFile(fileName);
  } catch (error) {
    return { problems: [unreadable(fileName, error)] };
  }
  return check(text, fileName);
}

function unreadable(file: string, error: unknown): Problem {
  const message = `cannot be read (${errorCode(error)})`;
  return { file, line: 1, column: 1, path: '', message, fix: 'the path of a file that can be read' };
}

interface ReadDocument<T> {
  readonly value: Partially<T>;
  readonly run: ReadingRun;
  readonly report: Report;
  /** The notation is at fault: nothing was read, so nothing can be said about the settings. */
  readonly broken: boolean;
}

function readDocument<T>(
  text: string,
  file: string,
  whole: Shape,
  env: Environment,
  readFile: ReadTextFile,
  problems: Problem[],
): ReadDocument<T> {
  const document = openDocument(text, file, problems);
  const run: ReadingRun = { document, env, readFile, places: new Map(), whole };
  const broken = document.root === null && problems.length > 0;
  const value = broken ? {} : readSetting(run, whole, document.root, '');
  const report: Report = (path, message, fix) => document.report(placeOf(run.places, path), path, message, fix);
  return { value: (value ?? {}) as Partially<T>, run, report, broken };
}

function fetchPolicy(file: string, run: ReadingRun, report: Report, problems: Problem[]): Policy | undefined {
  let text: string;
  try {
    text = run.readFile(file);
  } catch (error) {
    const message = `the policy file cannot be read (${errorCode(error)}): ${file}`;
    report('policy', message, 'policy: the path of a file that can be read, counted from the folder of this file');
    return undefined;
  }
  const result = checkPolicy(text, file);
  if ('policy' in result) return result.policy;
  problems.push(...result.problems);
  return undefined;
}

interface Tls {
  readonly kafka: TlsFiles | null;
  readonly store: TlsFiles | null;
}

/** The files of the `tls` sections that are in use, so that nothing else of the program reads them. */
function tlsOf(config: Partially<WrittenConfig>, fileName: string, run: ReadingRun, report: Report): Tls {
  const read = (path: string) => run.readFile(beside(fileName, path));
  const ofKafka = config.mode === 'distributed' ? config.kafka?.tls : undefined;
  const ofStore = config.store?.type === 'server' ? config.store.tls : undefined;
  return {
    kafka: ofKafka?.enabled === true ? readTlsFiles(ofKafka, 'kafka.tls', read, report) : null,
    store: ofStore === undefined ? null : readTlsFiles(ofStore, 'store.tls', read, report),
  };
}

/** The settings as the program uses them: paths joined with the folder of the file, each source with its own proxies. */
function settled(config: WrittenConfig, policy: Policy, tls: Tls, fileName: string, run: ReadingRun): Config {
  const sources = config.sources.map((source): Source => {
    const trusted_proxies = writtenOutRanges(source.trusted_proxies ?? config.trusted_proxies);
    if (source.type !== 'file') return { ...source, trusted_proxies };
    return { ...source, trusted_proxies, path: beside(fileName, source.path) };
  });
  const written = run.places.has('data_directory');
  const data_directory = written ? beside(fileName, config.data_directory) : config.data_directory;
  const distributed = config.mode === 'distributed' && !run.places.has('checkpoint.interval');
  return {
    ...config,
    data_directory,
    sources,
    policy,
    trusted_proxies: writtenOutRanges(config.trusted_proxies),
    kafka: config.kafka === undefined ? null : settledKafka(config.kafka, tls.kafka),
    store: settledStore(config.store, tls.store),
    checkpoint: distributed ? { ...config.checkpoint, interval: { ms: DISTRIBUTED_CHECKPOINT_MS } } : config.checkpoint,
  };
}

/** A path of a settings file, as seen from the working directory. */
function beside(fileName: string, path: string): string {
  return isAbsolute(path) ? path : join(dirname(fileName), path);
}

function inReadingOrder(problems: readonly Problem[]): Problem[] {
  return [...problems].sort(
    (a, b) => (a.file === b.file ? 0 : a.file < b.file ? -1 : 1) || a.line - b.line || a.column - b.column,
  );
}
