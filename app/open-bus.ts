import { join } from 'node:path';
import type { KafkaConfig } from '../config/kafka.ts';
import type { Role } from '../config/roles.ts';
import type { Config } from '../config/schema.ts';
import { type KafkaBus, openKafkaBus } from '../platform/kafka/bus.ts';
import type { MarkKind } from '../platform/kafka/marks.ts';
import type { KafkaSettings } from '../platform/kafka/settings.ts';
import type { Logger } from '../platform/ports.ts';
import { instanceOf } from './instance.ts';

const MARKS_OF: Readonly<Record<Role, readonly MarkKind[]>> = { ingest: ['idempotency'], core: [], serve: ['store'] };

/** The logs on Kafka as a process of these roles uses them. */
export function openBus(config: Config, kafka: KafkaConfig, roles: readonly Role[], log: Logger): Promise<KafkaBus> {
  const { partitions } = kafka;
  return openKafkaBus({
    settings: settingsOf(kafka),
    prefix: kafka.topic_prefix,
    partitions: { events: partitions, decisions: partitions, 'dead-letter': 1 },
    retentionMs: config.log.retention.ms,
    replicationFactor: kafka.replication_factor,
    compression: kafka.compression,
    sessionTimeoutMs: kafka.session_timeout.ms,
    directory: join(config.data_directory, 'bus'),
    instance: instanceOf(config.data_directory),
    markKinds: roles.flatMap((role) => MARKS_OF[role]),
    log,
  });
}

function settingsOf({ brokers, client_id, tls, sasl }: KafkaConfig): KafkaSettings {
  return {
    brokers,
    clientId: client_id,
    tls:
      tls === null ? null : { ca: tls.ca, cert: tls.cert, key: tls.key?.reveal() ?? null, serverName: tls.server_name },
    sasl: sasl === null ? null : { ...sasl, password: sasl.password.reveal() },
  };
}
