import { MIGRATIONS, MIGRATIONS_TABLE, type Migration } from './migrations.ts';

export interface ClusterPlace {
  /** Name of the cluster in the servers' `remote_servers`, or a macro such as `{cluster}`. */
  readonly cluster: string;
  readonly database: string;
}

/**
 * How rows are spread over the shards. An insert of events holds one bus partition: it goes to one shard, as one block
 * under its token. A decision and its evidence go by the decision's id, so that they lie on one shard; such an insert may
 * touch several, each with its own block under the same token, and repeating it completes what is missing.
 */
const SHARDING_KEYS: Readonly<Record<string, string>> = {
  events: 'partition',
  activity_hourly: 'cityHash64(identity)',
  decisions: 'cityHash64(id)',
  evidence: 'cityHash64(decision)',
};

/**
 * Replicated tables forget a token after this time too, an hour unless told otherwise (engine 26.7). The number of blocks
 * is the bound that we mean: a week is longer than any of our repeats.
 */
const TOKEN_SECONDS = 7 * 24 * 60 * 60;

/**
 * The schema for a ClickHouse cluster, made from the statements for one server: each table T becomes `T_local`, a
 * replicated table on every shard, and T itself a Distributed table over them, so that inserts and queries stay as they
 * are. The view feeds the local roll-up from the local events. Expects the macros `{shard}` and `{replica}`, and
 * `internal_replication` on every shard.
 *
 * Throws on a statement that it does not know: a new kind of migration needs a rule here.
 *
 * Misses: it plans no change of the number of shards. Rows stay where they are, and an insert that is repeated after such
 * a change may come to another shard, which does not know its token: stop the writers first, when nothing is pending.
 */
export function clusterSchema(
  place: ClusterPlace,
  from: { readonly migrationsTable: readonly string[]; readonly migrations: readonly Migration[] } = {
    migrationsTable: MIGRATIONS_TABLE,
    migrations: MIGRATIONS,
  },
): { readonly migrationsTable: readonly string[]; readonly migrations: readonly Migration[] } {
  return {
    migrationsTable: from.migrationsTable.map((statement) => onEveryNode(statement, place)),
    migrations: from.migrations.map((migration) => ({
      ...migration,
      statements: migration.statements.flatMap((statement) => onShards(statement, place)),
    })),
  };
}

/** Steps taken are the same on all nodes: one replicated table over all shards. */
function onEveryNode(statement: string, place: ClusterPlace): string {
  const engine = replicatedEngine("'/clickhouse/tables/all/{database}/{table}', '{shard}-{replica}'");
  const { verb, table, rest } = taken(statement);
  return engine(`${verb} ${name(place, table)} ${onCluster(place)}${rest}`);
}

function onShards(statement: string, place: ClusterPlace): string[] {
  const cluster = onCluster(place);
  const engine = replicatedEngine("'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'");
  const { verb, table, rest } = taken(statement);
  const local = `${table}_local`;
  if (verb === 'CREATE MATERIALIZED VIEW IF NOT EXISTS') {
    const query = rest
      .replace(/^ TO (\w+) /, (_, target: string) => ` TO ${name(place, `${target}_local`)} `)
      .replace(/\bFROM (\w+)/g, (_, source: string) => `FROM ${name(place, `${source}_local`)}`);
    return [`${verb} ${name(place, table)} ${cluster}${query}`];
  }
  const onLocal = engine(`${verb} ${name(place, local)} ${cluster}${rest}`);
  if (verb === 'ALTER TABLE') {
    const ofStorage = rest.startsWith(' MODIFY SETTING ');
    return ofStorage ? [onLocal] : [onLocal, `${verb} ${name(place, table)} ${cluster}${rest}`];
  }
  const key = SHARDING_KEYS[table];
  if (key === undefined) throw new Error(`no sharding key for table ${table}`);
  const over = [place.cluster, place.database, local].map(literal).join(', ');
  const distributed = `${verb} ${name(place, table)} ${cluster} AS ${name(place, local)} ENGINE = Distributed(${over}, ${key})`;
  return [onLocal, distributed];
}

const STATEMENT = /^(CREATE TABLE IF NOT EXISTS|CREATE MATERIALIZED VIEW IF NOT EXISTS|ALTER TABLE) (\w+)\b/;

function taken(statement: string): { verb: string; table: string; rest: string } {
  const [all, verb, table] = STATEMENT.exec(statement) ?? [];
  if (all === undefined || verb === undefined || table === undefined) {
    throw new Error(`no rule for a cluster: ${statement.slice(0, 80)}`);
  }
  return { verb, table, rest: statement.slice(all.length) };
}

/** Engine and settings of a replicated table in the place of those of a plain one. */
function replicatedEngine(path: string): (statement: string) => string {
  return (statement) =>
    statement
      .replace(/\bENGINE = (\w*)MergeTree\b/, (_, kind: string) => `ENGINE = Replicated${kind}MergeTree(${path})`)
      .replace(
        /\bnon_replicated_deduplication_window = (\d+)/,
        (_, blocks: string) =>
          `replicated_deduplication_window = ${blocks}, replicated_deduplication_window_seconds = ${TOKEN_SECONDS}`,
      );
}

function onCluster(place: ClusterPlace): string {
  return `ON CLUSTER ${literal(place.cluster)}`;
}

function name(place: ClusterPlace, table: string): string {
  return `\`${place.database}\`.\`${table}\``;
}

function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
