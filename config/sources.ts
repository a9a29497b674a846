import Type from 'typebox';
import { JsonMappingSchema } from '../ingest/formats/json-mapping-schema.ts';
import { addressRangeSetting, zoneSetting } from './kinds.ts';

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
  { additionalProperties: false, description: 'A log file on this machine.' },
);
export type FileSource = Type.Static<typeof FileSourceSchema>;

export const HttpSourceSchema = Type.Object(
  { type: Type.Literal('http'), ...common },
  { additionalProperties: false, description: 'Lines that a log shipper sends to the listener.' },
);
export type HttpSource = Type.Static<typeof HttpSourceSchema>;
