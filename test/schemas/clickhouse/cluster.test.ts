import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterSchema } from '../../../schemas/clickhouse/cluster.ts';
import { MIGRATIONS } from '../../../schemas/clickhouse/migrations.ts';
import { CHDB, chdbPresent } from '../../support/chdb.ts';
import { requires } from '../../support/requires.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const schema = clusterSchema({ cluster: 'main', database: 'gatewatch' });
const statements = schema.migrations.flatMap((migration) => migration.statements);

const TABLES = ['events', 'activity_hourly', 'decisions', 'evidence'];

test('every statement runs on the whole cluster and names its database', () => {
  for (const statement of [...schema.migrationsTable, ...statements]) {
    assert.match(statement, /^[A-Z ]+ `gatewatch`\.`\w+` ON CLUSTER 'main'/);
  }
});

test('every table that inserts reach is replicated on each shard, and read and written through a Distributed one', () => {
  for (const table of TABLES) {
    const local = statements.filter((text) =>
      text.startsWith(`CREATE TABLE IF NOT EXISTS \`gatewatch\`.\`${table}_local\` `),
    );
    assert.equal(local.length, 1, table);
    assert.match(
      local[0] as string,
      /ENGINE = Replicated(Aggregating)?MergeTree\('\/clickhouse\/tables\/\{shard\}\/\{database\}\/\{table\}', '\{replica\}'\)/,
    );
    const distributed = statements.filter((text) =>
      text.startsWith(`CREATE TABLE IF NOT EXISTS \`gatewatch\`.\`${table}\` `),
    );
    assert.equal(distributed.length, 1, table);
    assert.ok(
      distributed[0]?.includes(
        `AS \`gatewatch\`.\`${table}_local\` ENGINE = Distributed('main', 'gatewatch', '${table}_local', `,
      ),
    );
  }
});

test('an insert of events goes to one shard, by its bus partition', () => {
  assert.ok(statements.some((text) => text.endsWith("Distributed('main', 'gatewatch', 'events_local', partition)")));
});

test('the view reads and feeds the local tables, so that tokens cover the roll-up of each shard', () => {
  const views = statements.filter((text) => text.startsWith('CREATE MATERIALIZED VIEW'));
  assert.equal(views.length, 1);
  assert.match(views[0] as string, / TO `gatewatch`\.`activity_hourly_local` AS\nSELECT /);
  assert.match(views[0] as string, /\nFROM `gatewatch`\.`events_local`\n/);
});

test('nothing of a plain table is left: no plain engine, no window of plain tables', () => {
  const all = [...schema.migrationsTable, ...statements].join('\n');
  assert.doesNotMatch(all, /ENGINE = (Aggregating)?MergeTree/);
  assert.doesNotMatch(all, /non_replicated/);
  const windows = all.match(/replicated_deduplication_window = \d+, replicated_deduplication_window_seconds = 604800/g);
  // Four tables at their making and at the longer memory, the steps at both of theirs.
  assert.equal(windows?.length, 2 * TABLES.length + 2);
});

test('numbers and names of the steps are those of one server', () => {
  assert.deepEqual(
    schema.migrations.map(({ id, name }) => ({ id, name })),
    MIGRATIONS.map(({ id, name }) => ({ id, name })),
  );
});

test('a later column is added on the shards and to the Distributed table', () => {
  const step = { id: 9, name: 'a', statements: ['ALTER TABLE events ADD COLUMN IF NOT EXISTS a UInt8 DEFAULT 0'] };
  const made = clusterSchema({ cluster: 'c', database: 'd' }, { migrationsTable: [], migrations: [step] });
  assert.deepEqual(made.migrations[0]?.statements, [
    "ALTER TABLE `d`.`events_local` ON CLUSTER 'c' ADD COLUMN IF NOT EXISTS a UInt8 DEFAULT 0",
    "ALTER TABLE `d`.`events` ON CLUSTER 'c' ADD COLUMN IF NOT EXISTS a UInt8 DEFAULT 0",
  ]);
});

test('a kind of statement without a rule is refused, not passed through', () => {
  const steps = (statement: string) => ({
    migrationsTable: [],
    migrations: [{ id: 1, name: 'a', statements: [statement] }],
  });
  const place = { cluster: 'c', database: 'd' };
  assert.throws(() => clusterSchema(place, steps('DROP TABLE events')), /no rule/);
  assert.throws(
    () => clusterSchema(place, steps('CREATE TABLE IF NOT EXISTS other (a UInt8) ENGINE = MergeTree ORDER BY a')),
    /no sharding key/,
  );
});

test('a quote in the name of a cluster stays inside its literal', () => {
  const made = clusterSchema({ cluster: "it's", database: 'd' });
  assert.match(made.migrationsTable[0] as string, /ON CLUSTER 'it\\'s'/);
});

test('ClickHouse parses every statement', requires(CHDB, chdbPresent()), async (t) => {
  const directory = temporaryDirectory();
  const { Session, drainPending } = await import('chdb');
  const session = new Session(directory.path);
  t.after(async () => {
    session.close();
    await drainPending();
    directory.remove();
  });
  await assert.rejects(session.queryAsync("EXPLAIN AST CREATE TABLE x ON CLUSTR 'c' (a UInt8)"), /Syntax error/);
  for (const statement of [...schema.migrationsTable, ...statements]) {
    const ast = (await session.queryAsync(`EXPLAIN AST ${statement}`, { format: 'TabSeparated' })).text();
    assert.match(ast, /^(CreateQuery|AlterQuery)/);
  }
  // The columns of a Distributed table come from the local one: what the engine makes of the plain form must hold.
  const plain = statements
    .filter((text) => text.includes('_local` ON CLUSTER') && !text.startsWith('ALTER'))
    .map((text) =>
      text
        .replace(/ ON CLUSTER '\w+'/, '')
        .replace(/ENGINE = Replicated(\w*)\([^)]*\)/, 'ENGINE = $1')
        .replaceAll('`gatewatch`.', ''),
    );
  for (const statement of plain) await session.queryAsync(statement);
  const made = await session.queryAsync('SELECT count() FROM system.tables WHERE database = currentDatabase()', {
    format: 'TabSeparated',
  });
  assert.equal(Number(made.text()), TABLES.length);
});
