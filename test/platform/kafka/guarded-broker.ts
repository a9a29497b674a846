import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import kafkajs, { Kafka, logLevel } from 'kafkajs';
import type { KafkaSettings } from '../../../platform/kafka/settings.ts';
import { type Broker, startBroker } from '../../support/kafka-broker.ts';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
const USERS = { admin: 'admin-secret', gatewatch: 'gatewatch-secret', other: 'other-secret' };

type Mechanism = NonNullable<KafkaSettings['sasl']>['mechanism'];

/** One right: an operation on a kind of resource. A name that ends with `*` is a prefix. */
export type Right = readonly [
  operation: 'Read' | 'Write' | 'Create' | 'Describe' | 'DescribeConfigs' | 'All',
  resource: 'topic' | 'group' | 'transactional-id',
  name: string,
];

/** A broker with TLS, SCRAM and PLAIN, and ACLs. */
export interface GuardedBroker {
  readonly broker: Broker;
  settings(password?: string, mechanism?: Mechanism, user?: string): KafkaSettings;
  /** Gives the user `gatewatch` rights, or takes them away again. */
  grant(rights: readonly Right[]): Promise<void>;
  deny(rights: readonly Right[]): Promise<void>;
  dispose(): Promise<void>;
}

export async function startGuardedBroker(): Promise<GuardedBroker> {
  const login = Object.entries(USERS).map(([name, password]) => ` user_${name}="${password}"`);
  const broker = await startBroker({
    security: { sasl: 'scram-sha-512', tls: true, users: USERS, acls: true },
    properties: {
      'listener.name.client.sasl.enabled.mechanisms': 'SCRAM-SHA-512,PLAIN',
      'listener.name.client.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required${login.join('')};`,
    },
  });
  const ca = readFileSync(broker.certificates?.ca ?? assert.fail('a broker with TLS has a CA'), 'utf8');
  const admin = new Kafka({ brokers: [...broker.internal], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  return {
    broker,
    settings: (password = USERS.gatewatch, mechanism = 'scram-sha-512', username = 'gatewatch') => ({
      brokers: broker.brokers,
      clientId: 'guarded',
      tls: { ca, cert: null, key: null, serverName: null },
      sasl: { mechanism, username, password },
    }),
    async grant(rights) {
      if (rights.length > 0) await admin.createAcls({ acl: rights.map(entry) });
    },
    async deny(rights) {
      if (rights.length > 0) await admin.deleteAcls({ filters: rights.map(entry) });
    },
    async dispose() {
      await admin.disconnect();
      await broker.dispose();
    },
  };
}

const OPERATIONS = {
  Read: AclOperationTypes.READ,
  Write: AclOperationTypes.WRITE,
  Create: AclOperationTypes.CREATE,
  Describe: AclOperationTypes.DESCRIBE,
  DescribeConfigs: AclOperationTypes.DESCRIBE_CONFIGS,
  All: AclOperationTypes.ALL,
};
const RESOURCES = {
  topic: AclResourceTypes.TOPIC,
  group: AclResourceTypes.GROUP,
  'transactional-id': AclResourceTypes.TRANSACTIONAL_ID,
};

function entry([operation, resource, name]: Right) {
  return {
    principal: 'User:gatewatch',
    host: '*',
    operation: OPERATIONS[operation],
    permissionType: AclPermissionTypes.ALLOW,
    resourceType: RESOURCES[resource],
    resourceName: name.replace(/\*$/, ''),
    resourcePatternType: name.endsWith('*') ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
  };
}
