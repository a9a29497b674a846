import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createObservation, RANGE, readObservation, textOf } from '../../detector/observation.ts';
import { createEventLine, type EventLine, type LineParts, partitionOf } from '../../ingest/event-line.ts';
import { emptyRecord } from '../../ingest/formats/format.ts';
import { EVENT_COLUMNS } from '../../schemas/columns.ts';
import type { AccessRecord } from '../../schemas/event.ts';
import { IDENTITY_KINDS } from '../../schemas/identity.ts';

const clamped: string[] = [];
const parts: LineParts = {
  tenant: 'default',
  partitions: 8,
  clientAddress: (record) => record.peer,
  // Any 22 characters of the base64url alphabet will do as a pseudonym here.
  pseudonym: (kind, value) => Buffer.from(`${kind}/${value}----------------`).subarray(0, 16).toString('base64url'),
  network: (address) => (address === null ? '' : '192.0.2.0/24'),
  country: () => '',
  userAgentFamily: (agent) => agent ?? '',
  redactUserAgent: (agent) => agent,
  redactPath: (path) => path,
  redactQuery: (query) => query,
  route: {
    template: '',
    object: 0,
    read(record) {
      this.template = record.route ?? record.path ?? '';
      this.object = record.path === null ? 0 : record.path.length;
    },
  },
  clamped: (column) => clamped.push(column),
};

const textOfLine = (line: EventLine) => line.bytes.toString('utf8', 0, line.length);

const text = fc.string({ unit: 'binary', maxLength: 40 });
const arbitraryRecord = fc
  .record({
    timeMs: fc.nat(4_000_000_000_000),
    timeBasis: fc.constantFrom('start' as const, 'end' as const),
    status: fc.option(fc.integer({ min: 100, max: 599 })),
    latencyMs: fc.option(fc.double({ min: 0, max: 1e9, noNaN: true })),
    method: fc.option(fc.constantFrom('GET', 'POST', 'get', '\u0016\u0003', 'A'.repeat(30))),
    path: fc.option(text),
    query: fc.option(text),
    route: fc.option(text),
    userAgent: fc.option(text),
    host: fc.option(text),
    peer: fc.option(fc.constantFrom('192.0.2.7', '2001:db8::1')),
    requestBytes: fc.option(fc.double({ min: 0, max: 1e300, noNaN: true })),
    principals: fc.array(fc.record({ kind: fc.constantFrom(...IDENTITY_KINDS), value: text }), { maxLength: 2 }),
    ja4: fc.option(text),
    requestId: fc.option(text),
  })
  .map((some): AccessRecord => ({ ...emptyRecord(), ...some }));

test('every record becomes one line of well-formed JSON with a value of each column', () => {
  const line = createEventLine(parts);
  fc.assert(
    fc.property(arbitraryRecord, fc.nat(), (record, position) => {
      line.encode(record, position);
      assert.ok(!line.bytes.subarray(0, line.length).includes(10));
      const values = JSON.parse(textOfLine(line)) as unknown[];
      assert.equal(values.length, EVENT_COLUMNS.length);
      for (const value of values) {
        if (typeof value === 'string') assert.ok(value.isWellFormed());
        else if (value !== null) assert.ok(Number.isSafeInteger(value) && (value as number) >= 0);
      }
    }),
  );
});

test('the detector reads from the bytes of a line what JSON.parse reads', () => {
  const line = createEventLine(parts);
  const o = createObservation();
  const twin = createObservation();
  const column = (values: unknown[], name: string) => values[EVENT_COLUMNS.findIndex((c) => c.name === name)];
  fc.assert(
    fc.property(arbitraryRecord, fc.nat(), (record, position) => {
      line.encode(record, position);
      const bytes = Buffer.from(`xx${textOfLine(line)}\n`);
      readObservation(bytes, 2, o);
      const values = JSON.parse(textOfLine(line)) as unknown[];
      assert.equal(o.position, position);
      assert.equal(o.kind, IDENTITY_KINDS.indexOf(column(values, 'kind') as never));
      assert.equal(textOf(bytes, o, RANGE.identity), column(values, 'identity'));
      const latency = column(values, 'latency_us') as number | null;
      const completion = record.timeMs + (record.timeBasis === 'start' ? Math.floor((latency ?? 0) / 1000) : 0);
      assert.equal(o.timeMs, completion);
      assert.equal(o.status, column(values, 'status'));
      assert.equal(o.flags, column(values, 'flags'));
      assert.equal(textOf(bytes, o, RANGE.method), column(values, 'method'));
      assert.equal(textOf(bytes, o, RANGE.route), column(values, 'route'));
      assert.equal(o.route === 0, column(values, 'route') === '');
      assert.equal(o.object, column(values, 'object'));
      ['network', 'country', 'ua_family', 'ja4'].forEach((name, axis) => {
        assert.equal(textOf(bytes, o, RANGE.context + axis), column(values, name));
        assert.equal(o.context[axis] === 0, column(values, name) === '');
      });
      if (o.kind >= 0) {
        const id = Buffer.from(column(values, 'identity') as string, 'base64url');
        assert.deepEqual(
          [o.id0, o.id1, o.id2, o.id3],
          [0, 4, 8, 12].map((at) => id.readUInt32BE(at)),
        );
      }
      readObservation(bytes, 2, twin);
      assert.equal(twin.route, o.route);
    }),
  );
});

test('numbers beyond their column are clamped to it and counted', () => {
  const line = createEventLine(parts);
  clamped.length = 0;
  line.encode({ ...emptyRecord(), latencyMs: 1e9, requestBytes: 1e300, peer: '192.0.2.1' }, 0);
  const values = JSON.parse(textOfLine(line)) as unknown[];
  assert.equal(values[EVENT_COLUMNS.findIndex((c) => c.name === 'latency_us')], 4_294_967_295);
  assert.deepEqual(clamped, ['latency_us', 'request_bytes']);
});

test('the owner is the principal, else the address, else nobody; nobody goes to partition 0', () => {
  const line = createEventLine(parts);
  const owner = (record: Partial<AccessRecord>) => {
    line.encode({ ...emptyRecord(), ...record }, 0);
    return (JSON.parse(textOfLine(line)) as unknown[])[2];
  };
  assert.equal(owner({ peer: '192.0.2.1', principals: [{ kind: 'user', value: 'u' }] }), 'user');
  assert.equal(owner({ peer: '192.0.2.1', claimed: { kind: 'user', value: 'u' } }), 'ip');
  assert.equal(owner({}), '');
  assert.equal(line.partition, 0);
});

test('partitions of random pseudonyms are even', () => {
  const counts = new Array<number>(8).fill(0);
  for (let i = 0; i < 8_000; i++) {
    const id = Buffer.alloc(16);
    // A multiplicative sequence in the last bytes: uniform enough to show a bias of the digits.
    id.writeUInt32BE(Math.imul(i, 0x9e3779b1) >>> 0, 12);
    const partition = partitionOf(id.toString('base64url'), 8);
    counts[partition] = (counts[partition] as number) + 1;
  }
  for (const count of counts) assert.ok(count > 800 && count < 1_200, `${counts}`);
});
