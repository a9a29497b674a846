import { MIGRATIONS, MIGRATIONS_TABLE, type Migration, recordStep } from '../../schemas/clickhouse/migrations.ts';
import { GatewatchError } from '../../schemas/errors.ts';

/** The two things that a migration needs of a store. */
export interface MigrationRunner {
  command(sql: string): Promise<void>;
  query<T>(sql: string): Promise<T[]>;
}

/** The schema to bring about: that of one server, or the one made for a cluster from it. */
export interface Schema {
  readonly migrationsTable: readonly string[];
  readonly migrations: readonly Migration[];
}

const ONE_SERVER: Schema = { migrationsTable: MIGRATIONS_TABLE, migrations: MIGRATIONS };

/**
 * Takes every step of the schema that was not taken yet, in order, and records each. Safe to repeat and to interrupt at
 * any point, see schemas/clickhouse/migrations.ts. Rejects with `state_foreign` when the store is of a newer program.
 *
 * Several processes may migrate one server at once. ClickHouse has no lock that a client could take; instead each
 * statement may come twice, and the record of a step carries a token, so that it is kept once.
 */
export async function migrate(runner: MigrationRunner, schema: Schema = ONE_SERVER): Promise<void> {
  for (const statement of schema.migrationsTable) await runner.command(statement);
  const rows = await runner.query<{ id: number }>('SELECT DISTINCT id FROM migrations ORDER BY id');
  const taken = new Set(rows.map((row) => row.id));
  const newest = schema.migrations.at(-1)?.id ?? 0;
  for (const id of taken) {
    if (id > newest) {
      throw new GatewatchError(
        'state_foreign',
        `the event store has schema step ${id}, this program knows ${newest}: run the newer version, or another directory or database`,
      );
    }
  }
  for (const migration of schema.migrations) {
    if (taken.has(migration.id)) continue;
    for (const statement of migration.statements) await runner.command(statement);
    await runner.command(recordStep(migration));
  }
}
