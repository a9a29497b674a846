import type { Config } from '../config/schema.ts';
import { DEFAULT_PRIORS } from '../detector/data/default-priors.ts';
import { ROOT_CALIBRATION } from '../detector/data/root-calibration.ts';
import { createEngine } from '../detector/engine.ts';
import type { Bus, Clock, Logger, Metrics, StateStore } from '../platform/ports.ts';
import { type DetectStage, startDetectStage } from '../platform/stages/detect.ts';

/** Most identities kept over all partitions: 864 bytes each and their index, so 0.9 GB. */
const ROWS_MAX = 1_000_000;

/** The detector over the partitions that this process gets. */
export function startCore(parts: {
  config: Config;
  bus: Bus;
  state: StateStore;
  clock: Clock;
  metrics: Metrics;
  log: Logger;
}): Promise<DetectStage> {
  const { config, bus, state, clock, metrics, log } = parts;
  return startDetectStage({
    bus,
    state,
    engineFor: () =>
      createEngine({
        priors: [DEFAULT_PRIORS],
        calibrations: [ROOT_CALIBRATION],
        rowsMax: Math.ceil(ROWS_MAX / bus.partitions('events')),
      }),
    clock,
    metrics,
    log,
    checkpointMs: config.checkpoint.interval.ms,
    checkpointEvents: config.checkpoint.events,
  });
}
