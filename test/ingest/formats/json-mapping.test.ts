import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_JSON_MAPPING } from '../../../ingest/formats/json-default-mapping.ts';
import { createJsonFormat, parseJsonMapping } from '../../../ingest/formats/json-mapping.ts';
import type { JsonMapping } from '../../../ingest/formats/json-mapping-schema.ts';
import { GatewatchError } from '../../../schemas/errors.ts';

const TIME = { path: 't', unit: 'ms', basis: 'end' } as const;
const BASE = { t: 1_714_719_600_000, m: 'GET', p: '/a', s: 200 };
const PATHS = { time: TIME, method: 'm', path: 'p', status: 's' } satisfies JsonMapping;

function read(mapping: Partial<JsonMapping>, object: unknown, zone: number | null = null) {
  const outcome = createJsonFormat('json', { ...PATHS, ...mapping }, zone).parse(JSON.stringify(object));
  assert.ok(outcome.type === 'ok', outcome.type === 'ok' ? '' : outcome.why);
  return outcome.value;
}

test('a path descends, and a member whose own name has dots wins over descending', () => {
  const mapping = { host: 'request.headers.host' };
  const nested = { request: { headers: { host: 'nested' } } };
  assert.equal(read(mapping, { ...BASE, ...nested }).host, 'nested');
  assert.equal(
    read(mapping, { ...BASE, request: { 'headers.host': 'half', headers: { host: 'nested' } } }).host,
    'half',
  );
  assert.equal(read(mapping, { ...BASE, ...nested, 'request.headers': { host: 'other half' } }).host, 'other half');
  assert.equal(read(mapping, { ...BASE, ...nested, 'request.headers.host': 'flat' }).host, 'flat');
  assert.equal(read(mapping, { ...BASE, 'request.headers.host': '-', ...nested }).host, 'nested');
  assert.equal(read({ service: 'list.1.name' }, { ...BASE, list: [{ name: 'a' }, { name: 'b' }] }).service, 'b');
});

test('of several places the first that has a value counts, in whatever order the line has them', () => {
  const mapping = { user_agent: ['a', 'b', 'c.d'] };
  assert.equal(read(mapping, { ...BASE, c: { d: 'third' }, b: 'second', a: 'first' }).userAgent, 'first');
  assert.equal(read(mapping, { ...BASE, a: 'first', b: 'second', c: { d: 'third' } }).userAgent, 'first');
  assert.equal(read(mapping, { ...BASE, c: { d: 'third' }, b: 'second', a: '' }).userAgent, 'second');
  assert.equal(read(mapping, { ...BASE, c: { d: 'third' }, b: null, a: '-' }).userAgent, 'third');
  assert.equal(read(mapping, { ...BASE, c: { d: {} }, b: true }).userAgent, null);
});

test('a field reads the same from a line of members as it does from the object by hand', () => {
  // The reference walks the object for every path; the reader goes through the members once.
  const names = fc.constantFrom('a', 'b', 'c', 'a.b', 'b.c', 'a.b.c');
  const leaf = fc.constantFrom<unknown>('x', 'y', '-', '', null, 7, true);
  const inner = fc.dictionary(names, fc.oneof(leaf, fc.dictionary(names, leaf, { maxKeys: 3 })), { maxKeys: 4 });
  const object = fc.dictionary(names, fc.oneof(leaf, inner), { maxKeys: 5 });
  const paths = fc.array(names, { minLength: 1, maxLength: 3 });
  const present = (value: unknown) =>
    typeof value === 'number' || (typeof value === 'string' && value !== '' && value !== '-');
  const find = (value: unknown, keys: readonly string[]): unknown => {
    if (keys.length === 0) return present(value) ? value : undefined;
    if (typeof value !== 'object' || value === null) return undefined;
    for (let n = keys.length; n > 0; n--) {
      const found = find((value as Record<string, unknown>)[keys.slice(0, n).join('.')], keys.slice(n));
      if (found !== undefined) return found;
    }
    return undefined;
  };
  fc.assert(
    fc.property(object, paths, (members, path) => {
      const wanted = path.map((one) => find(members, one.split('.'))).find((value) => value !== undefined) ?? null;
      const got = read({ request_id: path }, { ...members, ...BASE }).requestId;
      assert.equal(got, wanted === null ? null : String(wanted));
    }),
    { numRuns: 1_000 },
  );
});

test('times are read in the unit that the mapping names, and the first that is usable counts', () => {
  const at = (time: JsonMapping['time'], object: object, zone: number | null = null) => {
    const { timeMs, timeBasis, timeZoneAssumed } = read({ time }, { ...BASE, t: undefined, ...object }, zone);
    return [timeMs, timeBasis, timeZoneAssumed];
  };
  const ms = 1_714_719_600_123;
  assert.deepEqual(at({ path: 'x', unit: 's', basis: 'end' }, { x: '1714719600.123' }), [ms, 'end', false]);
  assert.deepEqual(at({ path: 'x', unit: 'us', basis: 'start' }, { x: 1_714_719_600_123_456 }), [ms, 'start', false]);
  assert.deepEqual(at({ path: 'x', unit: 'ns', basis: 'start' }, { x: '1714719600123456789' }), [ms, 'start', false]);
  assert.deepEqual(at({ path: 'x', unit: 'iso', basis: 'end' }, { x: '2024-05-03T07:00:00.123' }), [ms, 'end', true]);
  assert.deepEqual(at({ path: 'x', unit: 'iso', basis: 'end' }, { x: '2024-05-03T09:00:00.123' }, 120), [
    ms,
    'end',
    false,
  ]);
  assert.deepEqual(at({ path: 'x', unit: 'clf', basis: 'end' }, { x: '[03/May/2024:07:00:00.123 +0000]' }), [
    ms,
    'end',
    false,
  ]);
  const both = [
    { path: 'start', unit: 'iso', basis: 'start' },
    { path: 'end', unit: 'ms', basis: 'end' },
  ] satisfies JsonMapping['time'];
  assert.deepEqual(at(both, { start: '2024-05-03T07:00:00.123Z', end: 5 }), [ms, 'start', false]);
  assert.deepEqual(at(both, { start: 'soon', end: ms }), [ms, 'end', false]);
  assert.deepEqual(at(both, { start: '', end: ms }), [ms, 'end', false]);
});

test('latency comes in any unit, or is the end minus the start', () => {
  const latency = (fields: Partial<JsonMapping>, object: object) => read(fields, { ...BASE, ...object }).latencyMs;
  assert.equal(latency({ latency: { path: 'd', unit: 's' } }, { d: 0.033 }), 33);
  assert.equal(latency({ latency: { path: 'd', unit: 'us' } }, { d: '1500' }), 1.5);
  assert.equal(latency({ latency: { path: 'd', unit: 'ns' } }, { d: 929_675 }), 0.93);
  assert.equal(latency({ latency: { path: 'd', unit: 'ms' } }, { d: '0.018s' }), 18);
  assert.equal(latency({ latency: { path: 'd', unit: 's' } }, { d: '12µs' }), 0.012);
  for (const d of [-1, '-1', '-', '', null, 'fast', '1e3', {}, '1m2s']) {
    assert.equal(latency({ latency: { path: 'd', unit: 'ms' } }, { d }), null, String(d));
  }
  const startAndEnd = { time: { ...TIME, basis: 'start' }, end: { path: 'e', unit: 'ms', basis: 'end' } } as const;
  assert.equal(latency(startAndEnd, { e: BASE.t + 28 }), 28);
  assert.equal(latency(startAndEnd, { e: BASE.t - 1 }), null);
  assert.equal(latency(startAndEnd, {}), null);
});

test('the times of upstream attempts are summed, and unused attempts do not count', () => {
  const upstream = (u: unknown) =>
    read({ upstream_latency: { path: 'u', unit: 's' } }, { ...BASE, u }).upstreamLatencyMs;
  assert.equal(upstream('0.001, 0.030'), 31);
  assert.equal(upstream('30.001, 3.092 : 0.5'), 33_593);
  assert.equal(upstream('0.001, -'), 1);
  assert.equal(upstream('-, -'), null);
  assert.equal(upstream('-'), null);
  assert.equal(upstream('0.001, x'), null);
  assert.equal(upstream(0.25), 250);
});

test('numbers are taken only when they are what they seem', () => {
  const bytes = (b: unknown) => read({ response_bytes: 'b' }, { ...BASE, b }).responseBytes;
  assert.equal(bytes('77'), 77);
  assert.equal(bytes(0), 0);
  for (const b of [-1, 1.5, '1.5', 2 ** 53, '18446744073709551615', ' 7', '0x10', '1_000', true, [3]]) {
    assert.equal(bytes(b), null, String(b));
  }
});

test('ids that look like numbers stay text, and numbers that lost digits are no ids', () => {
  const id = (json: string) => {
    const outcome = createJsonFormat('json', { ...PATHS, request_id: 'id' }, null).parse(
      `{"t":1714719600000,"p":"/a","s":200,"id":${json}}`,
    );
    return outcome.type === 'ok' && outcome.value.requestId;
  };
  assert.equal(id('"00012345678901234567890"'), '00012345678901234567890');
  assert.equal(id('9007199254740991'), '9007199254740991');
  assert.equal(id('12345678901234567890'), null);
  assert.equal(id('1e400'), null);
});

test('identities keep the order of the mapping and the words of the gateway', () => {
  const mapping = {
    identities: [
      { path: 'dn', kind: 'service', when: { path: 'verify', equals: ['SUCCESS'] } },
      { path: ['consumer.id', 'consumer.username'], kind: 'client', word: 'consumer', except: ['anonymous'] },
      { path: 'sub', kind: 'user' },
    ],
  } satisfies Partial<JsonMapping>;
  const all = read(mapping, {
    ...BASE,
    sub: 'u',
    verify: 'SUCCESS',
    dn: 'CN=x',
    consumer: { username: 'name', id: 'id' },
  });
  assert.deepEqual(all.principals, [
    { kind: 'service', value: 'CN=x' },
    { kind: 'client', value: 'id', word: 'consumer' },
    { kind: 'user', value: 'u' },
  ]);
  assert.equal(all.client, 'id');
  const none = read(mapping, {
    ...BASE,
    verify: 'FAILED:expired',
    dn: 'CN=x',
    consumer: { username: 'anonymous' },
    sub: '-',
  });
  assert.deepEqual(none.principals, []);
  assert.equal(none.client, null);
});

test('on a 401 an identity is a claim, unless the gateway had authenticated it all the same', () => {
  const object = { ...BASE, s: 401, sub: 'u', key: 'k', sid: 'x' };
  const claim = read(
    {
      session: 'sid',
      identities: [
        { path: 'key', kind: 'api_key' },
        { path: 'sub', kind: 'user' },
      ],
    },
    object,
  );
  assert.deepEqual(claim.principals, []);
  assert.deepEqual(claim.claimed, { kind: 'api_key', value: 'k' });
  assert.equal(claim.session, null);
  const proven = read({ identities: [{ path: 'sub', kind: 'user', provenOn401: true }] }, object);
  assert.deepEqual(proven.principals, [{ kind: 'user', value: 'u' }]);
});

test('records of another kind are passed over', () => {
  const format = createJsonFormat(
    'json',
    { ...PATHS, only: [{ path: 'logger', startsWith: 'http.log.access' }] },
    null,
  );
  assert.equal(format.parse(JSON.stringify({ ...BASE, logger: 'http.log.access.log0' })).type, 'ok');
  for (const logger of ['admin', undefined, 3]) {
    const outcome = format.parse(JSON.stringify({ ...BASE, logger }));
    assert.equal(outcome.type === 'drop' && outcome.reason, 'not_access_line');
  }
});

test('headers may be lists, and several X-Forwarded-For lines are one chain', () => {
  const mapping = { user_agent: 'h.ua', x_forwarded_for: 'h.xff' };
  const listed = read(mapping, {
    ...BASE,
    h: { ua: ['first', 'second'], xff: ['203.0.113.1, 198.51.100.2', '10.0.0.1'] },
  });
  assert.equal(listed.userAgent, 'first');
  assert.deepEqual(listed.forwardedFor, ['203.0.113.1', '198.51.100.2', '10.0.0.1']);
  const empty = read(mapping, { ...BASE, h: { ua: [], xff: [] } });
  assert.equal(empty.userAgent, null);
  assert.equal(empty.forwardedFor, null);
});

test('a request line gives what method and path do not, and a broken one is a bad request', () => {
  const mapping = { method: 'm', path: 'p', request_line: 'line' };
  const bare = { t: BASE.t, s: 400 };
  assert.deepEqual(
    [read(mapping, { ...bare, line: 'GET /x?y HTTP/1.1' })].map((r) => [r.method, r.path, r.query]),
    [['GET', '/x', 'y']],
  );
  assert.equal(read(mapping, { ...bare, line: '' }).badRequestLine, true);
  assert.equal(read(mapping, { ...bare, line: '\u0016\u0003' }).badRequestLine, true);
  assert.equal(read(mapping, { ...bare, m: '', p: '' }).badRequestLine, true);
  assert.equal(read(mapping, bare).badRequestLine, false);
  assert.equal(read(mapping, { ...bare, m: '<BADREQ>' }).badRequestLine, true);
});

test('deep nesting is refused by depth alone: brackets inside text do not count', () => {
  const format = createJsonFormat('json', PATHS, null);
  const deep = (levels: number) =>
    `{"t":1714719600000,"p":"/a","x":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
  assert.equal(format.parse(deep(64)).type, 'ok');
  const outcome = format.parse(deep(65));
  assert.equal(outcome.type === 'deadLetter' && outcome.reason, 'too_deep');
  assert.equal(format.parse(JSON.stringify({ ...BASE, x: '[{'.repeat(1000), y: Array(100).fill([]) })).type, 'ok');
});

test('special keys of JavaScript do nothing', () => {
  const line =
    '{"__proto__":{"s":500,"polluted":1},"constructor":{"prototype":{"polluted":1}},"t":1714719600000,"p":"/a"}';
  const outcome = createJsonFormat('json', PATHS, null).parse(line);
  assert.equal(outcome.type === 'ok' && outcome.value.status, null);
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
});

test('a mapping that cannot work is refused with the place of the mistake', () => {
  const wrong: [unknown, RegExp][] = [
    [null, /mapping/],
    [{}, /time/],
    [{ time: { path: 't', unit: 'minutes', basis: 'end' } }, /\/time/],
    [{ time: { path: 't', unit: 'ms' } }, /time/],
    [{ time: TIME, latencies: 'x' }, /latencies/],
    [{ time: TIME, identities: [{ path: 'x', kind: 'person' }] }, /\/identities\/0\/kind/],
    [{ time: TIME, path: [] }, /\/path/],
  ];
  for (const [mapping, place] of wrong) {
    assert.throws(
      () => parseJsonMapping(mapping),
      (error) => error instanceof GatewatchError && error.code === 'config_invalid' && place.test(error.message),
    );
  }
  for (const path of ['__proto__.x', 'a.constructor', 'x.toString', 'list.length', 'a.b.c.d.e.f.g.h.i']) {
    assert.throws(
      () => createJsonFormat('json', parseJsonMapping({ time: TIME, host: path }), null),
      (error) => error instanceof GatewatchError && error.code === 'config_invalid' && error.message.includes(path),
    );
  }
  assert.deepEqual(parseJsonMapping(DEFAULT_JSON_MAPPING), DEFAULT_JSON_MAPPING);
});
