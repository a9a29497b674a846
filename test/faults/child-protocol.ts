import type { Guard } from './guards.ts';
import type { Plan } from './kill-points.ts';
import type { FileWork } from './workload.ts';

/** What a child is started with, as JSON in its first argument. */
export interface ChildOptions {
  readonly directory: string;
  readonly files: readonly { readonly name: string; readonly path: string; readonly format: FileWork['format'] }[];
  readonly checkpointMs: number;
  readonly capBytes?: number;
  readonly guardsOff?: readonly Guard[];
  /** Armed from the start. */
  readonly plan?: Plan;
  /** Inserts wait until they are released. */
  readonly insertsHeld?: boolean;
}

/** One line on the child's descriptor 3. The answer is one line on its standard output, with the same number. */
export type Command =
  | { readonly do: 'arm'; readonly plan: Plan }
  /** Waits until all files are read, everything is detected and stored; `checkpointed`: and all of that is committed. */
  | { readonly do: 'settle'; readonly checkpointed: boolean }
  | { readonly do: 'count' }
  /** Writes everything stored to a file, one row a line, in a form that does not depend on chance. */
  | { readonly do: 'dump'; readonly path: string }
  | { readonly do: 'release-inserts' }
  | { readonly do: 'stop' };

/** What the store holds, and what stands on the bus. */
export interface Counts {
  readonly events: number;
  readonly distinctEvents: number;
  readonly decisions: number;
  readonly distinctDecisions: number;
  /** Requests by the hourly roll-up. */
  readonly rolledUp: number;
  readonly deadLettered: number;
}

/** First line of the child when it listens. */
export interface Listening {
  readonly url: string;
}

/** Line of the child before it kills itself. */
export interface KilledAt {
  readonly killedAt: string;
}
