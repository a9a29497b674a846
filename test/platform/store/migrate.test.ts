import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MigrationRunner, migrate } from '../../../platform/store/migrate.ts';
import { MIGRATIONS, MIGRATIONS_TABLE } from '../../../schemas/clickhouse/migrations.ts';
import { CHDB, chdbPresent } from '../../support/chdb.ts';
import { requires } from '../../support/requires.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

test('migrations are numbered 1, 2, 3, ... and every statement can be repeated', () => {
  assert.deepEqual(
    MIGRATIONS.map((migration) => migration.id),
    MIGRATIONS.map((_, i) => i + 1),
  );
  for (const { name, statements } of MIGRATIONS) {
    assert.match(name, /^[a-z0-9 ]+$/);
    for (const statement of statements)
      assert.match(statement, /^((CREATE|ALTER) .* IF (NOT )?EXISTS |ALTER TABLE \w+ MODIFY SETTING )/);
  }
});

test(
  'a process killed between any two statements is made good by the next start',
  requires(CHDB, chdbPresent()),
  async (t) => {
    const directory = temporaryDirectory();
    t.after(() => directory.remove());
    const { Session, drainPending } = await import('chdb');
    const session = new Session(directory.path);
    t.after(async () => {
      session.close();
      await drainPending();
    });
    const runner: MigrationRunner = {
      command: async (sql) => void (await session.queryAsync(sql)),
      query: async (sql) => {
        const text = (await session.queryAsync(sql, { format: 'JSONEachRow' })).text().trim();
        return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line));
      },
    };
    const schema = () =>
      runner.query('SELECT name, engine FROM system.tables WHERE database = currentDatabase() ORDER BY name');
    const steps = () => runner.query('SELECT id FROM migrations ORDER BY id');

    let commands = 0;
    await migrate({ ...runner, command: (sql) => runner.command(sql).then(() => void commands++) });
    const whole = await schema();
    assert.ok(commands > MIGRATIONS.length);

    for (let killedAfter = 0; killedAfter < commands; killedAfter++) {
      for (const { name } of (await schema()) as { name: string }[]) await runner.command(`DROP TABLE ${name} SYNC`);
      let done = 0;
      const dying = async (sql: string) => {
        if (done === killedAfter) throw new Error('killed');
        await runner.command(sql);
        done += 1;
      };
      await assert.rejects(migrate({ ...runner, command: dying }), { message: 'killed' });
      await migrate(runner);
      assert.deepEqual(await schema(), whole, `killed after ${killedAfter} commands`);
      assert.deepEqual(
        await steps(),
        MIGRATIONS.map(({ id }) => ({ id })),
      );
    }
  },
);

test('a store of a newer program is refused and left alone', async () => {
  const commands: string[] = [];
  const runner: MigrationRunner = {
    command: async (sql) => void commands.push(sql),
    query: async <T>() => [{ id: 1 }, { id: MIGRATIONS.length + 1 }] as T[],
  };
  await assert.rejects(migrate(runner), { code: 'state_foreign' });
  assert.deepEqual(commands, MIGRATIONS_TABLE);
});
