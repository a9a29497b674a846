import Type from 'typebox';
import type { Duration } from './durations.ts';
import { brokerSetting, durationSetting, secretSetting, section } from './kinds.ts';
import type { Secret } from './secrets.ts';
import { type TlsFiles, tlsFileSettings } from './tls-files.ts';

/** Chosen: more processes of role core than this are not to be expected, and every partition costs the brokers files. */
export const KAFKA_PARTITIONS_MAX = 256;

/**
 * A name that Kafka takes for a topic: org.apache.kafka.common.internals.Topic allows 249 characters, and neither `.` nor
 * `..`.
 */
export const TOPIC_PATTERN = '^(?!\\.{1,2}$)[a-zA-Z0-9._-]{1,249}$';
export const TOPIC_RULE = 'up to 249 letters, digits, dots, _ and -, and not only one or two dots';

/** How Kafka is reached and used, as written. */
export const KafkaSchema = section('Apache Kafka, for mode: distributed; needed there.', {
  brokers: Type.Array(brokerSetting(), {
    description: 'Brokers to ask first, host:port; they name the others.',
    minItems: 1,
    examples: [],
  }),
  client_id: Type.String({
    description: 'Name of the program in the logs, metrics and quotas of the brokers.',
    default: 'gatewatch',
    pattern: '^[a-zA-Z0-9._-]{1,249}$',
    rule: 'up to 249 letters, digits, dots, _ and -',
  }),
  tls: Type.Optional(
    section(
      'TLS to the brokers. Files are read at the start; relative paths count from the folder of this file.',
      {
        enabled: Type.Boolean({ description: 'false: as if this section were not there.', default: true }),
        ...tlsFileSettings(),
        server_name: Type.Optional(
          Type.String({
            description: "Name that the brokers' certificate carries, when it is not that of their address.",
            minLength: 1,
            examples: ['kafka.example.org'],
          }),
        ),
      },
      { neverBlank: true },
    ),
  ),
  sasl: Type.Optional(
    section(
      'User and password for the brokers.',
      {
        mechanism: Type.Enum(['plain', 'scram-sha-256', 'scram-sha-512'], {
          description: 'How the password is shown. plain sends it as it is.',
          examples: ['scram-sha-512'],
        }),
        username: Type.String({ description: 'The user.', minLength: 1, examples: ['gatewatch'] }),
        password: secretSetting('Password of the user.', 'GATEWATCH_KAFKA_PASSWORD'),
        allow_plaintext_password: Type.Boolean({
          description: 'true: mechanism plain may be used without TLS, in a network that nobody else can listen to.',
          default: false,
        }),
      },
      { neverBlank: true },
    ),
  ),
  // With the longest name of a topic behind it the whole stays below 249 characters.
  topic_prefix: Type.String({
    description: "Beginning of the names of the program's own topics: gatewatch.events.v1.",
    default: 'gatewatch',
    pattern: '^[a-zA-Z0-9][a-zA-Z0-9._-]{0,199}$',
    rule: 'up to 200 letters, digits, dots, _ and -, beginning with a letter or digit',
  }),
  partitions: Type.Integer({
    description: 'Partitions of the event log. Fixed when the topics are made: most processes of role core at once.',
    default: 32,
    minimum: 1,
    maximum: KAFKA_PARTITIONS_MAX,
  }),
  replication_factor: Type.Optional(
    Type.Integer({
      description: "Copies of each topic that the program makes. Without it the brokers' default.replication.factor.",
      minimum: 1,
      // More copies than anybody has brokers for are a slip of the pen.
      maximum: 100,
      examples: [3],
    }),
  ),
  // The bounds are Kafka's default group.min.session.timeout.ms, and well within its group.max.session.timeout.ms (30 min).
  session_timeout: durationSetting({
    description:
      'Time after which the work of a process that went silent passes to others. Shorter: long pauses pass for a death. ' +
      "Must lie within the brokers' group.min.session.timeout.ms and group.max.session.timeout.ms.",
    default: '10s',
    atLeast: '6s',
    atMost: '5m',
  }),
  compression: Type.Enum(['auto', 'none', 'gzip', 'zstd', 'lz4', 'snappy'], {
    description: 'Compression of what is written. auto: zstd where it is available, else none.',
    default: 'auto',
  }),
});

/** The section as the program uses it. */
export interface KafkaConfig {
  /** host:port, at least one. */
  readonly brokers: readonly string[];
  readonly client_id: string;
  /** null: connections in the clear. */
  readonly tls: (TlsFiles & { readonly server_name: string | null }) | null;
  readonly sasl: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    readonly password: Secret;
  } | null;
  readonly topic_prefix: string;
  readonly partitions: number;
  /** null: the brokers' own default. */
  readonly replication_factor: number | null;
  readonly session_timeout: Duration;
  readonly compression: 'auto' | 'none' | 'gzip' | 'zstd' | 'lz4' | 'snappy';
}

/** The written section without what only the check of it needs; `files` are those of `tls`. */
export function settledKafka(written: Type.Static<typeof KafkaSchema>, files: TlsFiles | null): KafkaConfig {
  const { tls, sasl, replication_factor = null, ...rest } = written;
  return {
    ...rest,
    replication_factor,
    tls: files === null ? null : { ...files, server_name: tls?.server_name ?? null },
    sasl: sasl === undefined ? null : { mechanism: sasl.mechanism, username: sasl.username, password: sasl.password },
  };
}
