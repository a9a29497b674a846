import Type from 'typebox';
import { LINE_MAX_BYTES } from '../ingest/formats/format.ts';
import { PolicySchema } from '../schemas/policy.ts';
import type { Duration } from './durations.ts';
import { type KafkaConfig, KafkaSchema } from './kafka.ts';
import { addressRangeSetting, durationSetting, secretSetting, section, sizeSetting } from './kinds.ts';
import type { Secret } from './secrets.ts';
import type { Size } from './sizes.ts';
import { FileSourceSchema, HttpSourceSchema, KafkaSourceSchema } from './sources.ts';
import { type StoreConfig, StoreSchema } from './store.ts';

/** Chosen: above 1023, so that no privilege is needed, and not the default of a gateway, of Kafka or of ClickHouse. */
const DEFAULT_PORT = 7407;

/** A save to Kafka is a transaction of a second or two: once a minute it costs little. */
export const DISTRIBUTED_CHECKPOINT_MS = 60_000;

/**
 * All settings. Names, types, bounds, defaults and descriptions stand here and nowhere else; the static type is what a
 * program gets after reading (durations in ms, sizes in bytes, secrets wrapped, the policy fetched).
 */
export const ConfigSchema = section('Settings of gatewatch.', {
  // The first column of every table and the first part of every key, so it must be short and plain.
  tenant: Type.String({
    description: 'Name of the tenant whose traffic this is.',
    default: 'default',
    pattern: '^[a-z0-9][a-z0-9_-]{0,62}$',
    rule: 'up to 63 lower-case letters, digits, - and _, beginning with a letter or digit',
  }),
  data_directory: Type.String({
    description:
      'Everything that must survive a restart; in mode: distributed only the id of the instance and a cache, which is made ' +
      'again when it is lost. A relative path counts from the folder of this file.',
    default: './gatewatch-data',
    minLength: 1,
  }),
  mode: Type.Enum(['embedded', 'distributed'], {
    description: 'embedded: one process, no other services. distributed: any number of them, over Kafka.',
    default: 'embedded',
  }),
  log_level: Type.Enum(['info', 'warn', 'error'], {
    description: 'The least important kind of message that is written to stderr.',
    default: 'info',
  }),
  sources: Type.Array(Type.Union([FileSourceSchema, HttpSourceSchema, KafkaSourceSchema]), {
    description: 'Where access logs come from.',
    default: [],
  }),
  trusted_proxies: Type.Array(addressRangeSetting(), {
    description: 'Proxies whose X-Forwarded-For is believed: ranges, or the words private and loopback.',
    default: [],
  }),
  listen: section('The HTTP listener.', {
    host: Type.String({ description: 'Address to listen on.', default: '127.0.0.1', minLength: 1 }),
    port: Type.Integer({
      description: 'Port; 0 takes a free one.',
      default: DEFAULT_PORT,
      minimum: 0,
      maximum: 65_535,
    }),
    ingest_token: Type.Optional(
      secretSetting('Bearer token that log shippers send. Needed when the host is not a loopback address.'),
    ),
  }),
  pseudonym_key: Type.Optional(
    secretSetting(
      'Key of the pseudonyms, 32 bytes, the same for all processes. Without it one is made and kept in the data directory; ' +
        'mode: distributed needs it.',
    ),
  ),
  kafka: Type.Optional(KafkaSchema),
  log: section('The event log between the stages: on disk, or in Kafka.', {
    // At 10,000 events a second of about 460 bytes, 64 MiB hold 15 seconds: less could not outlast a restart of the store.
    cap_bytes: sizeSetting({
      description: 'At this size sources pause and HTTP answers 503. Not used in mode: distributed.',
      default: '4GiB',
      atLeast: '64MiB',
      atMost: '16TiB',
    }),
    retention: durationSetting({
      description:
        'How long events stay for a second reading; in mode: distributed what the topic of the events must keep at least. ' +
        'Shorter leaves less time to repair a store that is away.',
      default: '24h',
      atLeast: '1h',
      atMost: '400d',
    }),
    durability: Type.Enum(['default', 'fsync'], {
      description:
        'default: survives a killed process, flushed within a second. fsync: flushed before the answer. Not used in ' +
        'mode: distributed, where every replica in sync has the line before the answer.',
      default: 'default',
    }),
  }),
  store: StoreSchema,
  policy: Type.Unsafe<Type.Static<typeof PolicySchema>>(
    Type.Union([Type.String({ minLength: 1 }), PolicySchema], {
      description: 'The policy, or the path of a file that holds it.',
    }),
  ),
  checkpoint: section('How often the detector saves its state; at whichever comes first, and at the stop.', {
    interval: durationSetting({
      description:
        'Longest time between two saves; 60s unless written in mode: distributed. Longer: a restart reads more again.',
      default: '10s',
      atLeast: '1s',
      atMost: '10m',
    }),
    events: Type.Integer({
      description: 'Most events between two saves, per partition.',
      default: 500_000,
      minimum: 1000,
      maximum: 100_000_000,
    }),
  }),
  limits: section('Bounds on what is read.', {
    line_max_bytes: sizeSetting({
      description: 'Longer lines go to the dead letter.',
      default: `${LINE_MAX_BYTES / 1024}KiB`,
      atLeast: '1KiB',
      atMost: `${LINE_MAX_BYTES / 1024}KiB`,
    }),
  }),
});

/** The settings as they are written, after reading. */
export type WrittenConfig = Type.Static<typeof ConfigSchema>;

/** A source as the program uses it: its trusted proxies are written out as ranges (and `unix:`), own or from the top. */
export type Source = WrittenConfig['sources'][number] & { readonly trusted_proxies: readonly string[] };

/** The settings as the program uses them. */
export type Config = Omit<WrittenConfig, 'sources' | 'kafka' | 'store'> & {
  readonly sources: readonly Source[];
  /** null exactly in mode embedded. */
  readonly kafka: KafkaConfig | null;
  readonly store: StoreConfig;
};

/** What reading yields while something is still wrong: any part may be missing. */
export type Partially<T> = T extends Duration | Size | Secret
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Partially<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]?: Partially<T[Key]> | undefined }
      : T;
