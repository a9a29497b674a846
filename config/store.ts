import Type from 'typebox';
import { httpServerSetting, secretSetting, section, sizeSetting } from './kinds.ts';
import type { Secret } from './secrets.ts';
import type { Size } from './sizes.ts';
import { type TlsFiles, tlsFileSettings } from './tls-files.ts';

const days = (description: string, value: number) =>
  // A century; a larger number is a slip of the pen.
  Type.Integer({ description, default: value, minimum: 1, maximum: 36_500 });

/** The analytical store, as written. */
export const StoreSchema = section('The analytical store.', {
  type: Type.Enum(['embedded', 'server', 'none'], {
    description:
      'embedded: ClickHouse in this process. server: a ClickHouse server or cluster. none: nothing is stored beyond the ' +
      'event log. In mode: distributed one of the last two must be chosen.',
    default: 'embedded',
  }),
  // Without a limit ClickHouse takes 90 % of the machine. One insert of 100,000 events is about 46 MB before its merge:
  // 256 MiB leave room for five.
  memory_limit: sizeSetting({
    description: 'Memory that the embedded store may use.',
    default: '1GiB',
    atLeast: '256MiB',
    atMost: '4TiB',
  }),
  url: Type.Optional(httpServerSetting('Address of the HTTP interface of the server.')),
  database: Type.String({
    description: 'Database on the server; made when it is missing.',
    default: 'gatewatch',
    pattern: '^[A-Za-z_][A-Za-z0-9_]{0,62}$',
    rule: 'up to 63 letters, digits and _, not beginning with a digit',
  }),
  username: Type.String({ description: 'User on the server.', default: 'default', minLength: 1 }),
  password: Type.Optional(secretSetting('Password of that user.', 'GATEWATCH_STORE_PASSWORD')),
  allow_plaintext_password: Type.Boolean({
    description: 'true: the password may be sent without TLS, in a network that nobody else can listen to.',
    default: false,
  }),
  tls: Type.Optional(
    section('Certificates for an address with https. Files are read at the start.', { ...tlsFileSettings() }),
  ),
  cluster: Type.Optional(
    Type.String({
      description: 'Name of the ClickHouse cluster. Without it the server stands alone.',
      pattern: '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$',
      rule: 'up to 63 letters, digits, dots, _ and -, beginning with a letter, digit or _',
      examples: ['gatewatch'],
    }),
  ),
  events_days: days('Days that events are kept, from their arrival. Shorter: less to look back on in an inquiry.', 30),
  evidence_days: days('Days that evidence is kept. Shorter: older decisions lose their reasons.', 90),
  decisions_days: days('Days that decisions are kept. Shorter: less for an auditor.', 400),
});

type WrittenStore = Type.Static<typeof StoreSchema>;

/** Settings that only type server has. */
export const SERVER_SETTINGS = [
  'url',
  'database',
  'username',
  'password',
  'allow_plaintext_password',
  'tls',
  'cluster',
] as const satisfies readonly (keyof WrittenStore)[];

interface StoreCommon {
  readonly memory_limit: Size;
  readonly events_days: number;
  readonly evidence_days: number;
  readonly decisions_days: number;
}

export interface LocalStoreConfig extends StoreCommon {
  readonly type: 'embedded' | 'none';
}

export interface ServerStoreConfig extends StoreCommon {
  readonly type: 'server';
  /** Scheme, host and port. */
  readonly url: string;
  readonly database: string;
  readonly username: string;
  readonly password: Secret | null;
  readonly tls: TlsFiles | null;
  /** null: one server. */
  readonly cluster: string | null;
}

/** The section as the program uses it. */
export type StoreConfig = LocalStoreConfig | ServerStoreConfig;

/** The written section by its type; `files` are those of `tls`. */
export function settledStore(written: WrittenStore, files: TlsFiles | null): StoreConfig {
  const { type, url, database, username, password, cluster, memory_limit, events_days, evidence_days, decisions_days } =
    written;
  const common = { memory_limit, events_days, evidence_days, decisions_days };
  // The checks let no server pass without an address.
  if (type !== 'server' || url === undefined) return { type: type === 'none' ? type : 'embedded', ...common };
  return {
    ...{ type, url, database, username, tls: files, password: password ?? null, cluster: cluster ?? null },
    ...common,
  };
}
