import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import type { EventStore } from '../../platform/ports.ts';
import { DECISION_COLUMNS, EVIDENCE_COLUMNS } from '../../schemas/clickhouse/decisions.ts';
import { GatewatchError } from '../../schemas/errors.ts';
import { testPseudonym } from '../support/event-blocks.ts';
import { type PlacedEvent, placedLine, ROW_COLUMNS, rowsOf } from '../support/store-blocks.ts';

/** What every implementation of the event store must do. One store for the whole suite; each test has sources of its own. */
export function eventStoreContract(
  name: string,
  options: { skip?: string },
  open: () => Promise<{ store: EventStore; cleanup(): Promise<void> }>,
): void {
  describe(`${name}: event store contract`, options, () => {
    let store: EventStore;
    let cleanup: () => Promise<void>;
    let sources = 1_000;

    before(async () => {
      ({ store, cleanup } = await open());
      await store.migrate();
    });
    after(() => cleanup());

    const newSource = () => String(sources++);
    const insert = (rows: Buffer, token: string) =>
      store.insert({ table: 'events', columns: ROW_COLUMNS, rows, token });
    const stored = async (source: string) => {
      const [row] = await store.query<{ rows: string; distinct: string; rolledUp: string }>(
        `SELECT count() AS rows, uniqExact((source, position)) AS distinct,
           (SELECT sum(requests) FROM activity_hourly WHERE identity = {identity:String}) AS rolledUp
         FROM events WHERE source = {source:UInt64}`,
        { source, identity: testPseudonym(source) },
      );
      return { rows: Number(row?.rows), distinct: Number(row?.distinct), rolledUp: Number(row?.rolledUp) };
    };
    /** Events of one source, of an identity of its own. */
    const events = (source: string, count: number, first = 0): PlacedEvent[] =>
      Array.from({ length: count }, (_, i) => ({ source, position: first + i, who: source, timeMs: Date.now() }));

    test('has every column that rows may name, in order, after migrating, and migrates again without change', async () => {
      const columns = async (table: string) =>
        (
          await store.query<{ name: string }>(
            `SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String} ORDER BY position`,
            { table },
          )
        ).map((row) => row.name);
      const expected = {
        events: ROW_COLUMNS,
        decisions: [...DECISION_COLUMNS.map((column) => column.name), 'stored'],
        evidence: [...EVIDENCE_COLUMNS.map((column) => column.name), 'stored'],
      };
      for (const [table, names] of Object.entries(expected)) assert.deepEqual(await columns(table), names);
      const steps = await store.query('SELECT id, name, applied FROM migrations ORDER BY id');
      await store.migrate();
      assert.deepEqual(await store.query('SELECT id, name, applied FROM migrations ORDER BY id'), steps);
      for (const [table, names] of Object.entries(expected)) assert.deepEqual(await columns(table), names);
    });

    test('stores an insert once however often it is repeated with its token, and counts it once in the roll-up', async () => {
      const source = newSource();
      const rows = rowsOf(events(source, 500));
      for (let i = 0; i < 3; i++) await insert(rows, `g:0:${source}`);
      assert.deepEqual(await stored(source), { rows: 500, distinct: 500, rolledUp: 500 });
    });

    test('tells inserts by their token alone: other rows with the same token are a repeat, the same rows with another token are not', async () => {
      const source = newSource();
      await insert(rowsOf(events(source, 10)), `g:0:${source}`);
      await insert(rowsOf(events(source, 10, 10)), `g:0:${source}`);
      assert.deepEqual(await stored(source), { rows: 10, distinct: 10, rolledUp: 10 });
      await insert(rowsOf(events(source, 10)), `g:0:${source}+`);
      assert.deepEqual(await stored(source), { rows: 20, distinct: 10, rolledUp: 20 });
    });

    test('remembers a token while other inserts pass', async () => {
      const source = newSource();
      const rows = rowsOf(events(source, 5));
      await insert(rows, `g:0:${source}`);
      for (let i = 0; i < 30; i++) await insert(rowsOf(events(newSource(), 1)), `g:1:${source}:${i}`);
      await insert(rows, `g:0:${source}`);
      assert.deepEqual(await stored(source), { rows: 5, distinct: 5, rolledUp: 5 });
    });

    test('stores 100,000 rows as one block, so that one token covers them', async () => {
      const source = newSource();
      // A day of its own: its rows stand in parts of no other test, and none of them is merged yet.
      const received = Date.now() + 200 * 86_400_000;
      await insert(rowsOf(events(source, 100_000), { received }), `g:0:${source}`);
      const parts = await store.query<{ rows: string; level: number; inserted: string }>(
        `SELECT rows, level, max_block_number - min_block_number + 1 AS inserted FROM system.parts
         WHERE database = currentDatabase() AND table = 'events' AND active AND partition = toString(toDate({ms:Int64} / 1000))`,
        { ms: received },
      );
      assert.deepEqual(
        parts.map((part) => [Number(part.rows), Number(part.inserted)]),
        [[100_000, 1]],
      );
    });

    test('takes rows of more than 100 days of receipt in one insert, and tells its repeat', async () => {
      const source = newSource();
      const day = (i: number) => Date.now() + i * 86_400_000;
      const rows = Buffer.concat(events(source, 120).map((event, i) => rowsOf([event], { received: day(i) })));
      await insert(rows, `g:0:${source}`);
      await insert(rows, `g:0:${source}`);
      assert.deepEqual(await stored(source), { rows: 120, distinct: 120, rolledUp: 120 });
    });

    test('refuses an insert with a bad row as a whole and for good, and quotes nothing of it', async () => {
      const source = newSource();
      const good = events(source, 3);
      const bad = [
        placedLine(good[1] as PlacedEvent).replace('"/v1/items"', '"secret \\ud800"'),
        placedLine(good[1] as PlacedEvent).replace('"GET"', '"SECRET", 1e5'),
        '[1,"secret"]',
        '["secret"',
      ];
      for (const [i, raw] of bad.entries()) {
        const rows = rowsOf([good[0] as PlacedEvent, { source, position: 1, raw }, good[2] as PlacedEvent]);
        await assert.rejects(insert(rows, `g:0:${source}:${i}`), (error) => {
          assert.ok(error instanceof GatewatchError);
          assert.deepEqual([error.code, error.transient, error.cause], ['store_unavailable', false, undefined]);
          assert.doesNotMatch(`${error.message}${error.stack}`, /secret|items|\ud800/i);
          return true;
        });
      }
      assert.deepEqual(await stored(source), { rows: 0, distinct: 0, rolledUp: 0 });
    });

    test('answers any damage to a line by storing it or by refusing it for good, never by a failure to try again', async () => {
      const source = newSource();
      const line = placedLine(events(source, 1)[0] as PlacedEvent);
      const damage = fc.array(
        fc.tuple(
          fc.nat(line.length - 1),
          fc.nat(12),
          fc.constantFrom(
            '',
            '"',
            '\\',
            '[',
            ']',
            '{',
            '}',
            ',',
            ':',
            '-',
            '9e9',
            'null',
            "'",
            ';',
            '\u0000',
            '\\u0000',
          ),
        ),
        { minLength: 1, maxLength: 3 },
      );
      let n = 0;
      await fc.assert(
        fc.asyncProperty(damage, async (edits) => {
          let raw = line;
          for (const [at, removed, text] of edits) raw = `${raw.slice(0, at)}${text}${raw.slice(at + removed)}`;
          await insert(rowsOf([{ source, position: 0, raw }]), `g:0:${source}:${n++}`).catch((error) => {
            assert.ok(error instanceof GatewatchError);
            assert.equal(error.transient, false, error.message);
          });
        }),
        { numRuns: 150 },
      );
    });

    test('gives 64-bit numbers as decimal text, and text that a hostile client chose as it was stored', async () => {
      const source = '18446744073709551615';
      const agent = `'"\\\n\t\u0000 é 😀 {x:String} ); DROP TABLE events; --`;
      await insert(rowsOf([{ source, position: 0, who: 'a', timeMs: 0, agent }]), 'g:0:hostile');
      assert.deepEqual(
        await store.query(
          'SELECT source, ua_family, {agent:String} AS given FROM events WHERE source = {source:UInt64} AND ua_family = {agent:String}',
          { source, agent },
        ),
        [{ source, ua_family: agent, given: agent }],
      );
    });

    test('answers queries while an insert runs', async () => {
      const source = newSource();
      const inserting = insert(rowsOf(events(source, 20_000)), `g:0:${source}`);
      assert.deepEqual(await store.query('SELECT 1 AS one'), [{ one: 1 }]);
      await inserting;
      assert.equal((await stored(source)).rows, 20_000);
    });

    test('says what is wrong with a statement, and that trying again does not help', async () => {
      await assert.rejects(store.query('SELECT no_such_column FROM events'), (error) => {
        assert.ok(error instanceof GatewatchError);
        assert.deepEqual([error.code, error.transient], ['store_unavailable', false]);
        assert.match(error.message, /UNKNOWN_IDENTIFIER.*no_such_column/);
        return true;
      });
    });

    test('does not quote a value that does not fit its parameter', async () => {
      await assert.rejects(store.query('SELECT {n:UInt8}', { n: 'secret' }), (error) => {
        assert.ok(error instanceof GatewatchError);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      });
    });

    test('answers a ping', () => store.ping());
  });
}
