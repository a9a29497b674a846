import type { Certificates } from './certificates.ts';

/** How clients must prove who they are. */
export interface SecurityOptions {
  /** null: by TLS alone. */
  readonly sasl: 'plain' | 'scram-sha-256' | 'scram-sha-512' | null;
  readonly tls: boolean;
  /** The broker refuses a client without a certificate of its CA. Needs `tls`. */
  readonly clientCertificate?: boolean;
  /** Names and passwords of letters, digits, `.`, `_` and `-`. */
  readonly users: Readonly<Record<string, string>>;
  /** Whoever is not `admin` may do only what an ACL allows. */
  readonly acls?: boolean;
}

export type Security = 'plaintext' | SecurityOptions;

/** Ports on 127.0.0.1. `internal` is plain text and all-powerful. */
export interface Ports {
  readonly client: number;
  readonly internal: number;
  readonly controller: number;
}

/** What a broker with one node needs, on small machines, to be quick. Each name is explained in Kafka's own reference. */
const SINGLE_NODE = {
  'process.roles': 'broker,controller',
  'node.id': '1',
  'inter.broker.listener.name': 'INTERNAL',
  'controller.listener.names': 'CONTROLLER',
  'auto.create.topics.enable': 'false',
  'num.partitions': '1',
  'default.replication.factor': '1',
  'min.insync.replicas': '1',
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '4',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'transaction.state.log.num.partitions': '4',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  'share.coordinator.state.topic.num.partitions': '1',
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '1000',
  // A killed broker may come back only when its former registration has expired (9 s by default).
  'broker.session.timeout.ms': '3000',
  'broker.heartbeat.interval.ms': '500',
  // The cleaner takes 128 MB of heap by default.
  'log.cleaner.dedupe.buffer.size': '8388608',
  // Each segment maps two index files of 10 MB by default.
  'log.index.size.max.bytes': '1048576',
  'num.network.threads': '2',
  'num.io.threads': '4',
} as const;

/** A password in a JAAS line or a format argument must not end it. */
const SAFE = /^[A-Za-z0-9._-]+$/;

/** The broker's server.properties. `extra` wins over everything else. Throws on a user that the file cannot hold. */
export function serverProperties(
  ports: Ports,
  dataDirectory: string,
  security: Security,
  certificates: Certificates | null,
  extra: Readonly<Record<string, string>>,
): string {
  const listeners = { CLIENT: ports.client, INTERNAL: ports.internal };
  const urls = Object.entries(listeners).map(([name, port]) => `${name}://127.0.0.1:${port}`);
  const properties: Record<string, string> = {
    ...SINGLE_NODE,
    'log.dirs': dataDirectory,
    'controller.quorum.bootstrap.servers': `127.0.0.1:${ports.controller}`,
    listeners: [...urls, `CONTROLLER://127.0.0.1:${ports.controller}`].join(','),
    'advertised.listeners': urls.join(','),
    'listener.security.protocol.map': `CLIENT:${protocolOf(security)},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT`,
    ...(security === 'plaintext' ? {} : securityProperties(security, certificates)),
    ...extra,
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** Arguments of the storage tool that create the SCRAM users; none for other mechanisms. */
export function scramArguments(security: Security): string[] {
  if (security === 'plaintext' || security.sasl === null || security.sasl === 'plain') return [];
  const mechanism = security.sasl.toUpperCase();
  return safeUsers(security).flatMap(([name, password]) => [
    '--add-scram',
    `${mechanism}=[name=${name},password=${password}]`,
  ]);
}

function protocolOf(security: Security): string {
  if (security === 'plaintext') return 'PLAINTEXT';
  if (security.sasl === null) return security.tls ? 'SSL' : 'PLAINTEXT';
  return security.tls ? 'SASL_SSL' : 'SASL_PLAINTEXT';
}

function securityProperties(security: SecurityOptions, certificates: Certificates | null): Record<string, string> {
  const properties: Record<string, string> = {};
  if (security.sasl !== null) {
    const users = safeUsers(security).map(([name, password]) => ` user_${name}="${password}"`);
    const login =
      security.sasl === 'plain'
        ? `org.apache.kafka.common.security.plain.PlainLoginModule required${users.join('')};`
        : 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
    properties['listener.name.client.sasl.enabled.mechanisms'] = security.sasl.toUpperCase();
    properties[`listener.name.client.${security.sasl}.sasl.jaas.config`] = login;
  }
  if (certificates !== null) {
    properties['listener.name.client.ssl.keystore.type'] = 'PEM';
    properties['listener.name.client.ssl.keystore.location'] = certificates.brokerKeystore;
    properties['listener.name.client.ssl.truststore.type'] = 'PEM';
    properties['listener.name.client.ssl.truststore.location'] = certificates.ca;
    properties['listener.name.client.ssl.client.auth'] = security.clientCertificate === true ? 'required' : 'none';
  }
  if (security.acls === true) {
    properties['authorizer.class.name'] = 'org.apache.kafka.metadata.authorizer.StandardAuthorizer';
    // The broker itself is anonymous on its internal listeners; nobody is on a listener with SASL.
    properties['super.users'] = 'User:admin;User:ANONYMOUS';
  }
  return properties;
}

function safeUsers(security: SecurityOptions): [string, string][] {
  const users = Object.entries(security.users);
  if (!users.every((user) => user.every((part) => SAFE.test(part)))) throw new Error('a user this broker cannot hold');
  return users;
}
