import type { StartApp } from '../app/contract.ts';
import type { Config } from '../config/schema.ts';
import type { Clock } from '../platform/ports.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Streams } from './replay.ts';
import { runSession } from './session.ts';

/** `gatewatch run`: the embedded pipeline until it is stopped. */
export function run(startApp: StartApp, config: Config, clock: Clock, streams: Streams): Promise<ExitCode> {
  return runSession(startApp, config, clock, streams, async (app) => {
    const sources = config.sources.map((source) => source.name).join(', ');
    streams.err.write(`listening on ${app.url}; ${sources === '' ? 'no file sources' : `sources: ${sources}`}\n`);
  });
}
