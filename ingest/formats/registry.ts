import { GatewatchError } from '../../schemas/errors.ts';
import { createCombinedFormat } from './combined.ts';
import type { LineFormat } from './format.ts';
import { DEFAULT_JSON_MAPPING } from './json-default-mapping.ts';
import { createJsonFormat, parseJsonMapping } from './json-mapping.ts';

/** What a configuration may say about a format. Each format takes what concerns it. */
export interface FormatSettings {
  /** Zone of logged times that have none, minutes ahead of UTC. Without it UTC is assumed, and each record says so. */
  readonly zoneOffsetMinutes?: number;
  /** When the logged time was taken, where the format's usual answer is wrong (Apache `%{end:...}t`). */
  readonly basis?: 'start' | 'end';
  /** False when the gateway does not check passwords itself, so that a logged user is only a claim. */
  readonly userIsProven?: boolean;
  /** Mapping of a JSON format, as read from the configuration file. */
  readonly mapping?: unknown;
}

/** Every format, one a line, in the order in which ties of detection are decided. */
const FORMATS: Readonly<Record<string, (settings: FormatSettings) => LineFormat>> = {
  nginx: (settings) => createCombinedFormat('nginx', combinedSettings('end', settings)),
  apache: (settings) => createCombinedFormat('apache', combinedSettings('start', settings)),
  json: (settings) => createJsonFormat('json', jsonMapping(settings), settings.zoneOffsetMinutes ?? null),
};

export const FORMAT_NAMES: readonly string[] = Object.keys(FORMATS);

/**
 * Makes a parser of its own for one source; each has a record that it reuses. Throws GatewatchError: `format_unknown`
 * for a name that is not in FORMAT_NAMES, `config_invalid` for settings that cannot be used.
 */
export function formatByName(name: string, settings: FormatSettings = {}): LineFormat {
  const create = Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined;
  if (create === undefined) {
    throw new GatewatchError('format_unknown', `there is no log format "${name}"; known: ${FORMAT_NAMES.join(', ')}`);
  }
  return create(settings);
}

function combinedSettings(basis: 'start' | 'end', settings: FormatSettings) {
  return {
    basis: settings.basis ?? basis,
    zoneOffsetMinutes: settings.zoneOffsetMinutes ?? null,
    userIsProven: settings.userIsProven ?? true,
  };
}

function jsonMapping(settings: FormatSettings) {
  return settings.mapping === undefined ? DEFAULT_JSON_MAPPING : parseJsonMapping(settings.mapping);
}
