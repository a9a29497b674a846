import type { App, StartApp } from '../app/contract.ts';
import type { Role } from '../config/roles.ts';
import type { Config } from '../config/schema.ts';
import { createLog } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import type { Clock } from '../platform/ports.ts';
import { GatewatchError } from '../schemas/errors.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { Streams } from './replay.ts';

/** Work to do once the app runs. It may end early; the session goes on until a signal or a failure. */
type Session = (app: App, stopped: AbortSignal) => Promise<void>;

/**
 * Runs the pipeline, or the part of it that `roles` names, until SIGINT or SIGTERM, then stops it in order. A second signal ends the process at once:
 * nothing accepted is lost by it. A part that dies stops the rest and makes the exit code a failure.
 */
export async function runSession(
  startApp: StartApp,
  config: Config,
  clock: Clock,
  { err }: Streams,
  session: Session,
  roles?: readonly Role[],
): Promise<ExitCode> {
  const stop = new AbortController();
  let failure: unknown = null;
  const log = createLog({ level: config.log_level, target: process.stderr, clock });
  const onSignal = () => {
    if (stop.signal.aborted) process.exit(EXIT.failure);
    err.write('\nstopping; the state is saved first\n');
    stop.abort();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const app = await startApp({
    config,
    ...(roles === undefined ? {} : { roles }),
    signal: stop.signal,
    clock,
    log,
    metrics: createMetrics({ strict: false }),
    onFailure(error) {
      failure ??= error;
      stop.abort();
    },
  }).catch((error: unknown) => {
    // Stopped while it waited for a broker or a store: nothing had begun.
    if (stop.signal.aborted && failure === null) return null;
    throw error;
  });
  if (app === null) return EXIT.ok;
  if (app.storeMissing !== null) err.write(`events are not stored: ${app.storeMissing}\n`);
  const stopped = new Promise<void>((resolve) => {
    if (stop.signal.aborted) resolve();
    stop.signal.addEventListener('abort', () => resolve());
  });
  await Promise.race([stopped, session(app, stop.signal)]);
  await stopped;
  await app.stop();
  if (failure === null) return EXIT.ok;
  if (failure instanceof GatewatchError) err.write(`gatewatch: ${failure.message}\n`);
  else log.error({ err: failure }, 'a part of the pipeline failed');
  return EXIT.failure;
}
