import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type KafkaBus, type KafkaBusOptions, openKafkaBus } from '../../platform/kafka/bus.ts';
import { CONTRACT_PARTITIONS } from '../contracts/bus.ts';
import { QUIET_LOG } from './sources-rig.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** Topics of their own on a broker, and a directory of their own for each process that is played. */
export interface KafkaInstallation {
  readonly prefix: string;
  /** The bus as the process of that name has it. */
  open(process?: string, options?: Partial<KafkaBusOptions>): Promise<KafkaBus>;
  directoryOf(process: string): string;
  remove(): void;
}

export function kafkaInstallation(brokers: readonly string[]): KafkaInstallation {
  const prefix = `test-${randomUUID()}`;
  const directory = temporaryDirectory();
  const directoryOf = (process: string) => join(directory.path, process);
  return {
    prefix,
    directoryOf,
    open: (process = 'one', options = {}) =>
      openKafkaBus({
        settings: { brokers, clientId: process, tls: null, sasl: null },
        prefix,
        partitions: CONTRACT_PARTITIONS,
        retentionMs: 86_400_000,
        replicationFactor: null,
        compression: 'auto',
        sessionTimeoutMs: 6_000,
        directory: join(directoryOf(process), 'bus'),
        instance: process,
        markKinds: ['general', 'store', 'idempotency'],
        log: QUIET_LOG,
        ...options,
      }),
    remove: () => directory.remove(),
  };
}
