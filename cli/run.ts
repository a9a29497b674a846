import type { App, StartApp } from '../app/contract.ts';
import { type Role, rolesFault } from '../config/roles.ts';
import type { Config } from '../config/schema.ts';
import type { Clock } from '../platform/ports.ts';
import { GatewatchError } from '../schemas/errors.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Streams } from './replay.ts';
import { runSession } from './session.ts';

/** `gatewatch run`: the pipeline, or a distributed process's part of it, until it is stopped. */
export function run(
  startApp: StartApp,
  config: Config,
  roles: readonly Role[],
  clock: Clock,
  streams: Streams,
): Promise<ExitCode> {
  const fault = rolesFault(config.mode, roles);
  if (fault !== null) throw new GatewatchError('config_invalid', `${fault.message}: ${fault.hint}`);
  const as = config.mode === 'distributed' ? `; roles: ${roles.join(', ')}` : '';
  const announce = async (app: App) => {
    const sources = roles.includes('ingest') ? config.sources.map((source) => source.name).join(', ') : '';
    streams.err.write(`listening on ${app.url}; ${sources === '' ? 'no sources' : `sources: ${sources}`}${as}\n`);
  };
  return runSession(startApp, config, clock, streams, announce, roles);
}
