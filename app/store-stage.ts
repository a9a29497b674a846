import type { Bus, EventStore, Logger, Metrics } from '../platform/ports.ts';
import { startDecisionWriter, startEventWriter } from '../platform/stages/store-writer.ts';
import { startDuplicateCheck } from './duplicate-check.ts';

export interface StoreStage {
  stop(): Promise<void>;
}

/** What writes events and decisions into the store, and looks whether a line is there twice. */
export async function startStoreStage(parts: {
  bus: Bus;
  store: EventStore;
  generation: string;
  log: Logger;
  metrics: Metrics;
  onFailure(error: unknown): void;
}): Promise<StoreStage> {
  const { store, metrics, log, onFailure } = parts;
  const stops: (() => Promise<void>)[] = [];
  const stage = {
    async stop() {
      for (const stop of stops.splice(0).reverse()) await stop();
    },
  };
  try {
    for (const start of [startEventWriter, startDecisionWriter]) {
      const writer = await start(parts);
      stops.push(() => writer.stop());
      writer.done.catch(onFailure);
    }
    const duplicates = startDuplicateCheck(store, metrics, log);
    stops.push(() => duplicates.stop());
    return stage;
  } catch (error) {
    await stage.stop();
    throw error;
  }
}
