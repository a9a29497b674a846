import { MIGRATIONS, MIGRATIONS_TABLE, type Migration } from '../../schemas/clickhouse/migrations.ts';
import { GatewatchError } from '../../schemas/errors.ts';

/** The two things that a migration needs of a store. */
export interface MigrationRunner {
  command(sql: string): Promise<void>;
  query<T>(sql: string): Promise<T[]>;
}

/**
 * Takes every step of the schema that was not taken yet, in order, and records each. Safe to repeat and to interrupt at
 * any point, see schemas/clickhouse/migrations.ts. Rejects with `state_foreign` when the store is of a newer program.
 */
export async function migrate(runner: MigrationRunner, migrations: readonly Migration[] = MIGRATIONS): Promise<void> {
  await runner.command(MIGRATIONS_TABLE);
  const rows = await runner.query<{ id: number }>('SELECT DISTINCT id FROM migrations ORDER BY id');
  const taken = new Set(rows.map((row) => row.id));
  const newest = migrations.at(-1)?.id ?? 0;
  for (const id of taken) {
    if (id > newest) {
      throw new GatewatchError(
        'state_foreign',
        `the event store has schema step ${id}, this program knows ${newest}: run the newer version, or another directory`,
      );
    }
  }
  for (const migration of migrations) {
    if (taken.has(migration.id)) continue;
    for (const statement of migration.statements) await runner.command(statement);
    await runner.command(`INSERT INTO migrations (id, name) VALUES (${migration.id}, '${migration.name}')`);
  }
}
