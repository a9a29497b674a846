import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { estimate } from '../../../detector/estimators/linear-counting.ts';
import type { EventStore } from '../../../platform/ports.ts';
import { EMBEDDED_MEMORY_MIN_BYTES, openEmbeddedStore } from '../../../platform/store/embedded.ts';
import { printableReasonQuery, type ReasonCount, reasonQuery } from '../../../platform/store/reason-query.ts';
import { EVENT_COLUMN_NAMES } from '../../../schemas/columns.ts';
import type { ReasonQuery } from '../../../schemas/decision.ts';
import { CHDB, chdbPresent } from '../../support/chdb.ts';
import { testPseudonym } from '../../support/event-blocks.ts';
import { requires } from '../../support/requires.ts';
import { ROW_COLUMNS } from '../../support/store-blocks.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const MINUTE = 60_000;
const FROM = 1_700_000_040_000;

interface StoredEvent {
  readonly time: number;
  readonly basis: string;
  readonly latency_us: number | null;
  readonly flags: number;
  readonly object: number;
  readonly method: string;
  readonly route: string;
  readonly country: string;
  /** Bus offset of its block. */
  readonly offset: number;
}

const event: fc.Arbitrary<StoredEvent> = fc.record({
  time: fc.integer({ min: FROM - MINUTE, max: FROM + 2 * MINUTE }),
  basis: fc.constantFrom('start', 'end', 'bus'),
  latency_us: fc.option(fc.integer({ min: 0, max: 120_000_000 })),
  flags: fc.integer({ min: 0, max: 63 }),
  object: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffffffff })),
  method: fc.constantFrom('GET', 'POST'),
  route: fc.constantFrom('/a', '/b'),
  country: fc.constantFrom('DE', 'FR'),
  offset: fc.nat(4),
});

describe('reason query', requires(CHDB, chdbPresent()), () => {
  const directory = temporaryDirectory();
  let store: EventStore;
  let cases = 0;
  before(async () => {
    store = await openEmbeddedStore({ directory: directory.path, memoryLimitBytes: EMBEDDED_MEMORY_MIN_BYTES });
    await store.migrate();
  });
  after(async () => {
    await store.close();
    directory.remove();
  });

  /** Stores the events in bus order under an identity and a source of their own; positions count from 0. */
  async function put(events: readonly StoredEvent[], identity: string, source: string): Promise<void> {
    const received = Date.now();
    const rows = events.map((one, position) => {
      const { offset, ...values } = one;
      const line: Record<string, unknown> = { ...values, tenant: 'default', kind: 'user', identity, position };
      const nullable = new Set(['latency_us', 'request_bytes', 'response_bytes', 'upstream_latency_us', 'grpc_status']);
      const columns = EVENT_COLUMN_NAMES.map(
        (name) => line[name] ?? (nullable.has(name) ? null : name === 'status' ? 0 : ''),
      );
      return `${JSON.stringify([received, 3, offset, source, ...columns])}\n`;
    });
    const insert = { table: 'events', columns: ROW_COLUMNS, rows: Buffer.from(rows.join('')), token: source } as const;
    await store.insert(insert);
  }

  function base(identity: string, source: string, position: number): ReasonQuery {
    return {
      ...{ tenant: 'default', kind: 'user', identity, source, position, value: null, count: 0 },
      ...{ fromMs: FROM, toMs: FROM + MINUTE, tick: 'minute', measure: 'requests' },
    };
  }

  async function ask(query: ReasonQuery): Promise<ReasonCount> {
    const { sql, params } = reasonQuery(query);
    const rows = await store.query<ReasonCount>(sql, params);
    assert.equal(rows.length, 1);
    return rows[0] as ReasonCount;
  }

  test('counts what a plain count over the events up to the deciding one gives, for every measure', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 60 }), fc.nat(59), async (unordered, pick) => {
        const events = unordered.sort((a, b) => a.offset - b.offset);
        const identity = testPseudonym(`identity ${cases++}`);
        const source = String(10_000 + cases);
        await put(events, identity, source);
        const position = pick % events.length;
        // The rule, written out once more: a tick is open between its first event and the first one after its end.
        let newest = 0;
        const counted = events.slice(0, position + 1).filter((one) => {
          const latencyMs = one.basis === 'start' ? Math.floor((one.latency_us ?? 0) / 1000) : 0;
          const done = one.time + latencyMs;
          newest = Math.max(newest, done);
          return (
            newest >= FROM &&
            newest < FROM + MINUTE &&
            (one.flags & 2) === 0 &&
            (done >= FROM || done >= newest - 120_000)
          );
        });
        const slots = (size: number) => new Set(counted.filter((o) => o.object !== 0).map((o) => o.object % size)).size;
        const query = base(identity, source, position);
        const expected: [Partial<ReasonQuery>, number][] = [
          [{ measure: 'requests' }, counted.length],
          [{ measure: 'auth_failures' }, counted.filter((one) => one.flags % 2 === 1).length],
          [{ measure: 'object_slots' }, estimate(slots(128), 128)],
          [{ measure: 'country', value: 'DE' }, counted.filter((one) => one.country === 'DE').length],
          [
            { measure: 'route', value: 'GET /a' },
            counted.filter((one) => one.method === 'GET' && one.route === '/a').length,
          ],
        ];
        for (const [part, seen] of expected) {
          const asked = { ...query, ...part };
          assert.deepEqual(await ask(asked), { seen, stored: 1 }, JSON.stringify(part));
          assert.deepEqual(await store.query(printableReasonQuery(asked).sql), [{ seen, stored: 1 }]);
        }
      }),
      { numRuns: 12 },
    );
  });

  const plain = { basis: 'end', latency_us: null, flags: 0, method: 'GET', route: '/a', country: 'DE' };

  test('reads a full bitmap as the detector does', async () => {
    const events = Array.from({ length: 128 }, (_, i) => ({ ...plain, time: FROM, object: 256 + i, offset: 0 }));
    await put(events, testPseudonym('full'), '900');
    const { seen } = await ask({ ...base(testPseudonym('full'), '900', 127), measure: 'object_slots' });
    assert.equal(seen, estimate(128, 128));
    // -128 ln(0.5 / 128), rounded.
    assert.equal(seen, 710);
  });

  test('leaves out the events of other identities, kinds and tenants, and says when the deciding event is not stored', async () => {
    const events = Array.from({ length: 4 }, () => ({ ...plain, time: FROM, object: 0, offset: 0 }));
    await put(events, testPseudonym('one'), '901');
    await put(events, testPseudonym('two'), '902');
    const query = base(testPseudonym('one'), '901', 3);
    assert.deepEqual(await ask(query), { seen: 4, stored: 1 });
    assert.deepEqual(await ask({ ...query, kind: 'ip' }), { seen: 0, stored: 0 });
    assert.deepEqual(await ask({ ...query, tenant: 'other' }), { seen: 0, stored: 0 });
    assert.deepEqual(await ask({ ...query, source: '902' }), { seen: 0, stored: 0 });
    assert.deepEqual(await ask({ ...query, position: 4 }), { seen: 0, stored: 0 });
  });

  test('the printed statement gives the same answer for any value, and prints nothing that acts on a terminal', async () => {
    const events = [{ ...plain, time: FROM, object: 0, offset: 0 }];
    await put(events, testPseudonym('values'), '903');
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom("'", "\\'", '\\', "') OR 1 = 1 --", '{to:Int64}', '\u001b[31m', '\u202e', '\\x27 OR 1'),
    );
    await fc.assert(
      fc.asyncProperty(hostile, async (value) => {
        const query = { ...base(testPseudonym('values'), '903', 0), measure: 'country', value } as const;
        const { title, sql } = printableReasonQuery(query);
        assert.doesNotMatch(`${title}${sql.replaceAll('\n', ' ')}`, /[\p{Cc}\u2028-\u202e\u2066-\u2069]/u);
        assert.deepEqual(await ask(query), { seen: 0, stored: 1 });
        assert.deepEqual(await store.query(sql), [{ seen: 0, stored: 1 }]);
      }),
      { numRuns: 60 },
    );
  });
});
