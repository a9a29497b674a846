import Type from 'typebox';
import { JsonMappingSchema } from '../ingest/formats/json-mapping-schema.ts';
import { KAFKA_PARTITIONS_MAX, TOPIC_PATTERN, TOPIC_RULE } from './kafka.ts';
import { addressRangeSetting, durationSetting, zoneSetting } from './kinds.ts';

/** Formats that a source may name. `auto` looks at the first lines. */
export const FORMAT_NAMES = ['auto', 'apache', 'nginx', 'json'] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

const common = {
  // The name is a metric label and part of a URL.
  name: Type.String({
    description: 'Your name for the source; stands in metrics and, for type http, in the URL.',
    pattern: '^[a-z0-9][a-z0-9_-]{0,62}$',
    rule: 'up to 63 lower-case letters, digits, - and _, beginning with a letter or digit',
    examples: ['edge'],
  }),
  format: Type.Enum([...FORMAT_NAMES], { description: 'Format of the lines.', default: 'auto' }),
  mapping: Type.Optional(JsonMappingSchema),
  zone: Type.Optional(zoneSetting('Offset from UTC of times that carry none; without it UTC is assumed and marked.')),
  trusted_proxies: Type.Optional(
    Type.Array(addressRangeSetting(), { description: 'Instead of the list of the same name at the top.' }),
  ),
};

export const FileSourceSchema = Type.Object(
  {
    type: Type.Literal('file'),
    ...common,
    path: Type.String({
      description:
        'One log file; followed through rotation. A relative path counts from the folder of the settings file.',
      minLength: 1,
      examples: ['/var/log/nginx/access.log'],
    }),
    from: Type.Enum(['beginning', 'end'], {
      description: 'Where to begin in a file that was never read before.',
      default: 'beginning',
    }),
  },
  {
    additionalProperties: false,
    description: 'A log file on this machine; in mode: distributed read by the processes of role ingest.',
  },
);
export type FileSource = Type.Static<typeof FileSourceSchema>;

export const HttpSourceSchema = Type.Object(
  { type: Type.Literal('http'), ...common },
  {
    additionalProperties: false,
    description: 'Lines that a log shipper sends to the listener; in mode: distributed to that of role ingest.',
  },
);
export type HttpSource = Type.Static<typeof HttpSourceSchema>;

/** Formats that the source of a topic may name: which partition's record comes first is chance, so none is looked at. */
const NAMED_FORMATS = FORMAT_NAMES.filter((name) => name !== 'auto');

export const KafkaSourceSchema = Type.Object(
  {
    type: Type.Literal('kafka'),
    ...common,
    format: Type.Enum(NAMED_FORMATS, {
      description: 'Format of the lines. It must be named: the records of a topic have no order to go by.',
      examples: ['json'],
    }),
    topic: Type.String({
      description: 'The topic that log shippers write to. A record holds one line, several, or a JSON list.',
      pattern: TOPIC_PATTERN,
      rule: TOPIC_RULE,
      examples: ['access-logs'],
    }),
    from: Type.Enum(['beginning', 'end'], {
      description: 'Where to begin in a topic that was never read before.',
      default: 'beginning',
    }),
    partitions: Type.Integer({
      description: 'Partitions of the topic when it is missing and the program makes it.',
      default: 8,
      minimum: 1,
      maximum: KAFKA_PARTITIONS_MAX,
    }),
    retention: durationSetting({
      description:
        'How long records stay in the topic when the program makes it. Shorter: less time to repair the intake.',
      default: '7d',
      atLeast: '1h',
      atMost: '400d',
    }),
  },
  { additionalProperties: false, description: 'A topic of the Kafka of the settings; for mode: distributed.' },
);
export type KafkaSource = Type.Static<typeof KafkaSourceSchema>;
