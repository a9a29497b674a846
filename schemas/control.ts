import type { Policy } from './policy.ts';

/**
 * A control line: what may change decisions, written into every partition of `events` by its single writer, and in
 * effect from its place in the log. It stands in the header of a block without lines.
 */
export interface ConfigureControl {
  readonly type: 'configure';
  readonly policy: Policy;
  /** Versions of shipped data sets. */
  readonly priors: number;
  readonly calibration: number;
}

export type ControlLine = ConfigureControl;
