import type { GatewatchError } from '../../schemas/errors.ts';
import type { Logger } from '../ports.ts';

/** What does not work at the moment, said once in the log when it begins and once when it is over. */
export interface Trouble {
  began(what: string, error: GatewatchError): void;
  over(what: string): void;
  /** The first trouble that lasts; null when all is well. */
  current(): string | null;
}

/** One outage shows in every part that uses the brokers: the first is logged, the others only counted with it. */
export function watchTrouble(log: Logger): Trouble {
  const lasting = new Map<string, GatewatchError>();
  /** Said since all was well. */
  let said = new Set<string>();
  return {
    began(what, error) {
      lasting.set(what, error);
      // Brokers that are away show in many ways, one after the other.
      const topic = error.code === 'bus_unavailable' ? error.code : error.message;
      if (said.has(topic)) return;
      said.add(topic);
      log.warn({ code: error.code, part: what }, `${error.message}; trying until it works`);
    },
    over(what) {
      if (!lasting.delete(what) || lasting.size > 0) return;
      said = new Set();
      log.info({}, 'Kafka works again');
    },
    current: () => lasting.values().next().value?.message ?? null,
  };
}
