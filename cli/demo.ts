import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { App, StartApp } from '../app/contract.ts';
import type { Config } from '../config/schema.ts';
import { formatByName } from '../ingest/formats/registry.ts';
import type { Clock } from '../platform/ports.ts';
import type { DecisionsRecord } from '../platform/stages/detect.ts';
import type { Decision } from '../schemas/decision.ts';
import type { Policy } from '../schemas/policy.ts';
import type { ExitCode } from './exit-codes.ts';
import { findingsText, type ShowIdentity, showPseudonym } from './findings.ts';
import { createProgress } from './progress.ts';
import type { Streams } from './replay.ts';
import { runSession } from './session.ts';

/** Identities shown. */
const SHOWN_MAX = 10;
/** How often progress is looked at. */
const LOOK_MS = 100;
/** Decisions read from a partition at a time. */
const READ_RECORDS = 1_000;

const LOG_NAME = 'demo-access.log';

/**
 * `gatewatch demo`: the live pipeline on a real web log. The log is public, so addresses are shown as they are.
 * `packageFolder` is where the program's own files are.
 */
export async function demo(
  startApp: StartApp,
  defaults: Config,
  policy: Policy,
  packageFolder: string,
  clock: Clock,
  streams: Streams,
): Promise<ExitCode> {
  const { out, err } = streams;
  const path = unpack(join(packageFolder, 'examples', 'web-log', 'access.log.gz'), defaults.data_directory);
  const config: Config = {
    ...defaults,
    log_level: 'warn',
    policy,
    sources: [
      { type: 'file', name: 'demo', path, format: 'apache', from: 'beginning', trusted_proxies: [] },
      ...defaults.sources,
    ],
  };
  out(
    `A real web log of 83 hours in May 2015 (examples/web-log) goes through the pipeline of ${config.data_directory}.\n`,
  );
  return runSession(startApp, config, clock, streams, async (app, stopped) => {
    const progress = createProgress({ target: err, clock, totalBytes: readFileSync(path).length });
    const timer = setInterval(() => progress.update(app.progress().bytesRead, 0), LOOK_MS);
    await app.caughtUp();
    clearInterval(timer);
    progress.finish();
    if (stopped.aborted) return;
    const decisions = await decisionsOf(app);
    out(`\n${findingsText(decisions, clearAddresses(app, path), SHOWN_MAX).trimStart()}\n\n`);
    out(
      `${decisions.length} decisions, all in shadow mode: nobody's access was touched. The demonstration lists the most unusual\n`,
    );
    out(`addresses from ${policy.ladder.observe} nats on (examples/web-log/policy.yaml); by default it takes 4.6.\n`);
    out(await storedText(app));
    out(servingText(app.url));
  });
}

/** The log, unpacked beside the data, once. */
function unpack(packed: string, directory: string): string {
  const path = join(directory, LOG_NAME);
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.part`, gunzipSync(readFileSync(packed)));
  renameSync(`${path}.part`, path);
  return path;
}

async function decisionsOf({ bus }: App): Promise<Decision[]> {
  const seen = new Map<string, Decision>();
  for (let partition = 0; partition < bus.partitions('decisions'); partition++) {
    const end = await bus.endOffset('decisions', partition);
    for (let from = 0; from < end; from += READ_RECORDS) {
      for (const { value } of await bus.read('decisions', partition, from, READ_RECORDS)) {
        const record = JSON.parse(value.toString()) as DecisionsRecord;
        for (const decision of record.decisions) seen.set(decision.id, decision);
      }
    }
  }
  return [...seen.values()].sort((a, b) => a.timeMs - b.timeMs);
}

/** Shows addresses of the demonstration log in clear, by giving each its pseudonym once more. */
function clearAddresses(app: App, path: string): ShowIdentity {
  const format = formatByName('apache');
  const clear = new Map<string, string>();
  for (const text of readFileSync(path, 'utf8').split('\n')) {
    const outcome = format.parse(text);
    if (outcome.type !== 'ok' || outcome.value.peer === null) continue;
    clear.set(app.pseudonym('ip', outcome.value.peer), outcome.value.peer);
  }
  return (kind, pseudonym) =>
    clear.has(pseudonym) ? `${kind} ${clear.get(pseudonym)}` : showPseudonym(kind, pseudonym);
}

async function storedText(app: App): Promise<string> {
  if (app.store === null) return '';
  await app.stored();
  const [row] = await app.store.query<{ events: number }>('SELECT toUInt32(count()) AS events FROM events');
  return `${row?.events ?? 0} events are in ClickHouse so far.\n`;
}

function servingText(url: string): string {
  return `
Serving on ${url} until Ctrl-C:
  send more lines   curl -H 'content-type: application/x-ndjson' --data-binary @access.ndjson ${url}/v1/ingest
  health            curl ${url}/v1/health
  metrics           curl ${url}/metrics
`;
}
