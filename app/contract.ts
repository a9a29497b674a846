import type { Role } from '../config/roles.ts';
import type { Config } from '../config/schema.ts';
import type { MetricsRegistry } from '../platform/metrics.ts';
import type { Bus, Clock, EventStore, Logger, StateStore } from '../platform/ports.ts';
import type { IdentityKind } from '../schemas/identity.ts';

export interface AppOptions {
  readonly config: Config;
  /** What a distributed process does; default: everything. */
  readonly roles?: readonly Role[];
  /** Gives up a start that waits for a broker or a store. */
  readonly signal?: AbortSignal;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: MetricsRegistry;
  /** Hears of a part that died; the caller stops the app. */
  readonly onFailure: (error: unknown) => void;
  /** Stand between a part and the rest, for fault tests. */
  readonly wrap?: {
    bus?(bus: Bus): Bus;
    state?(state: StateStore): StateStore;
    store?(store: EventStore): EventStore;
  };
}

export interface App {
  readonly url: string;
  readonly bus: Bus;
  /** null: nothing is stored, because it is switched off or the engine is not installed. */
  readonly store: EventStore | null;
  /** Why there is no store although one was asked for. */
  readonly storeMissing: string | null;
  /** The pseudonym that this installation gives an identity. */
  pseudonym(kind: IdentityKind, value: string): string;
  /** Resolves when the file sources are read to their end and the detector has seen all of it. */
  caughtUp(): Promise<void>;
  /** Resolves when all events and decisions on the bus are in the store; at once when there is none. */
  stored(): Promise<void>;
  progress(): { bytesRead: number; bytesTotal: number };
  /** Stops in reverse order: sources first, so that what was accepted is finished. Idempotent. */
  stop(): Promise<void>;
}

/** Starts the program's parts; the composition root is the only one. */
export type StartApp = (options: AppOptions) => Promise<App>;
