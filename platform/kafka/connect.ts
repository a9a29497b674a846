import { Kafka, type logCreator, logLevel } from 'kafkajs';
import type { KafkaSettings } from './settings.ts';

/** A connection attempt that takes longer has met a firewall or a dead host. */
const CONNECTION_TIMEOUT_MS = 3_000;
const AUTHENTICATION_TIMEOUT_MS = 10_000;
/** Longer than the longest wait of a broker: 30 s until a write has its replicas. */
const REQUEST_TIMEOUT_MS = 35_000;

/**
 * Retries inside the client: enough to pass over an election or a restarted connection (about 3 s in all). What takes
 * longer is for the caller, who holds back, says so once, and tries again for ever.
 */
export const CLIENT_RETRY = { initialRetryTime: 30, maxRetryTime: 1_000, multiplier: 2, factor: 0.2, retries: 6 };

/** Hears that a group's consumer asked for what is not there; everything else that the client logs is said by the callers. */
export type OutOfRange = (groupId: string, partition: number) => void;

/** The client's words when the broker no longer has the record that was asked for. It then begins elsewhere by itself. */
const OUT_OF_RANGE = 'Offset out of range, resetting to default offset';

/**
 * A client of the cluster; it connects when it is used.
 *
 * Its own log is not passed on: it repeats each failure many times, with addresses and stack traces.
 */
export function connectKafka(settings: KafkaSettings, onOutOfRange: OutOfRange = () => undefined): Kafka {
  return new Kafka({
    ...clientOptions(settings),
    retry: CLIENT_RETRY,
    logLevel: logLevel.ERROR,
    logCreator: listenFor(onOutOfRange),
  });
}

/** What every connection of the client is made with. */
export function clientOptions({ brokers, clientId, tls, sasl }: KafkaSettings) {
  return {
    clientId,
    brokers: [...brokers],
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    authenticationTimeout: AUTHENTICATION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    enforceRequestTimeout: true,
    ...(tls === null
      ? {}
      : {
          ssl: {
            ...(tls.ca === null ? {} : { ca: tls.ca }),
            ...(tls.cert === null ? {} : { cert: tls.cert }),
            ...(tls.key === null ? {} : { key: tls.key }),
            ...(tls.serverName === null ? {} : { servername: tls.serverName }),
          },
        }),
    ...(sasl === null ? {} : { sasl: { ...sasl, mechanism: sasl.mechanism as 'plain' } }),
  };
}

function listenFor(onOutOfRange: OutOfRange): logCreator {
  return () =>
    ({ log }) => {
      if (log.message !== OUT_OF_RANGE) return;
      const { groupId, partition } = log as { groupId?: unknown; partition?: unknown };
      if (typeof groupId === 'string') onOutOfRange(groupId, Number(partition));
    };
}
