import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  createRouteReader,
  ROUTE_MAX_CHARACTERS,
  ROUTE_MAX_SEGMENTS,
  UNMATCHED_ROUTE,
} from '../../ingest/route-template.ts';
import vectors from './vectors/object-hash.json' with { type: 'json' };

function read(path: string | null, status: number | null = 200, route: string | null = null, method = 'GET') {
  const reader = createRouteReader();
  reader.read({ method, path, status, route });
  return { template: reader.template, object: reader.object };
}

function template(path: string): string {
  return read(path).template;
}

const id = fc.oneof(
  fc.nat().map(String),
  fc.uuid(),
  fc.ulid(),
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 8, maxLength: 40 }),
  fc
    .date({ min: new Date('1990-01-01'), max: new Date('2090-01-01'), noInvalidDate: true })
    .map((d) => d.toISOString()),
  fc
    .date({ min: new Date('1990-01-01'), max: new Date('2090-01-01'), noInvalidDate: true })
    .map((d) => d.toISOString().slice(0, 10)),
  fc
    .string({
      unit: fc.constantFrom(...'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'),
      minLength: 15,
      maxLength: 39,
    })
    .map((s) => `${s}7`),
  fc.string({ unit: fc.constantFrom(...'abcz'), minLength: 1, maxLength: 8 }).map((s) => `${s}@example.com`),
  fc.string({ unit: fc.constantFrom(...'abcz'), minLength: 1, maxLength: 8 }).map((s) => `${s}%20x`),
  fc.string({ unit: fc.constantFrom(...'abc-'), minLength: 41, maxLength: 80 }),
);
// Words as APIs have them: no rule may take one for an id.
const word = fc.constantFrom(
  'api',
  'v1',
  'v2beta1',
  'v1.2',
  '1.1',
  'users',
  'Orders',
  'oauth2',
  'search',
  'getUserAccountTransactionHistory',
  'well-known',
  'top-10',
  'line_items',
  'openid-configuration',
  'oauth2-authorize-endpoint',
  '$metadata',
  'ipv4',
  's3',
  'a',
  'index.php',
  'delete.action',
);

test('segments of the shape of an id become {id}, words stay, whatever stands around them', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          word,
          id.map((value) => ({ value })),
        ),
        { minLength: 1, maxLength: ROUTE_MAX_SEGMENTS },
      ),
      (parts) => {
        const path = parts.map((part) => `/${typeof part === 'string' ? part : part.value}`).join('');
        const expected = parts.map((part) => `/${typeof part === 'string' ? part : '{id}'}`).join('');
        const got = read(path);
        assert.equal(got.template, expected);
        assert.equal(got.object !== 0, expected.includes('{id}'));
      },
    ),
  );
});

test('ids stand out in compound segments too', () => {
  const cases: [string, string][] = [
    ["/odata/Users('anna')/Orders(5)", '/odata/Users({id})/Orders({id})'],
    ['/odata/Top()', '/odata/Top()'],
    ['/odata/Top(1)secret', '/odata/{id}'],
    ['/v1/projects/123:cancel', '/v1/projects/{id}:cancel'],
    ['/v1/projects:batchGet', '/v1/projects:batchGet'],
    ['/v1/urn:isbn:9780', '/v1/{id}'],
    ['/orders/123.json', '/orders/{id}.json'],
    ['/a/b/orders/123.json', '/a/b/orders/{id}.json'],
  ];
  for (const [path, expected] of cases) {
    assert.equal(template(path), expected);
    assert.equal(read(path).object !== 0, expected.includes('{id}'), path);
  }
});

test('files deep in a tree are told by folder and ending, parts of pages are no objects', () => {
  const cases: [string, string][] = [
    ['/static/img/logo.png', '/static/img/{file}.png'],
    ['/static/img/LOGO.PNG', '/static/img/{file}.png'],
    ['/img/logo.png', '/img/logo.png'],
    ['/favicon.ico', '/favicon.ico'],
    ['/main.3f2a91c8.js', '/{file}.js'],
    ['/static/js/0123456789abcdef.js', '/static/js/{file}.js'],
    ['/app/admin/users/delete.php', '/app/admin/users/delete.php'],
    ['/a/b/.htaccess', '/a/b/.htaccess'],
    [`/a/b/${'x'.repeat(50)}.woff2`, '/a/b/{file}.woff2'],
  ];
  for (const [path, expected] of cases) assert.deepEqual(read(path), { template: expected, object: 0 }, path);
});

test('slashes, matrix parameters and depth do not make new templates', () => {
  assert.equal(template('/'), '/');
  assert.equal(template(''), '/');
  assert.equal(template('*'), '*');
  assert.equal(template('//api///users//'), '/api/users');
  assert.equal(template('api/users'), '/api/users');
  assert.equal(template('/api;jsessionid=ABC;x/users;v=1'), '/api/users');
  assert.equal(template('/a/b/c/d/e/f/g/h'), '/a/b/c/d/e/f/g/h');
  assert.equal(template('/a/b/c/d/e/f/g/h/i/j'), '/a/b/c/d/e/f/g/h/…');
  assert.notEqual(read('/a/b/c/d/e/f/g/h/i/1').object, read('/a/b/c/d/e/f/g/h/i/2').object);
});

test('a path that the gateway did not route, or did not answer, has no route and no object', () => {
  for (const status of [400, 404, 405, 414, 431, null]) {
    assert.deepEqual(read('/made/up/123', status), { template: UNMATCHED_ROUTE, object: 0 });
  }
  assert.deepEqual(read(null), { template: UNMATCHED_ROUTE, object: 0 });
  for (const status of [200, 301, 401, 403, 409, 429, 499, 500, 503])
    assert.equal(read('/users/1', status).template, '/users/{id}');
  assert.deepEqual(read('example.com:443', 200, null, 'CONNECT'), { template: '(connect)', object: 0 });
});

test("the gateway's own route is the template, and ids are still read from the path", () => {
  const named = read('/users/123', 404, '/users/:name');
  assert.equal(named.template, '/users/:name');
  assert.notEqual(named.object, 0);
  assert.notEqual(named.object, read('/users/124', 404, '/users/:name').object);
  assert.equal(read('/users', 200, 'list-users').object, 0);
  assert.deepEqual(read(null, 200, 'list-users'), { template: 'list-users', object: 0 });
  assert.equal(read('/x', 200, 'r'.repeat(1000)).template.length, ROUTE_MAX_CHARACTERS);
});

test('the object is FNV-1a over ids and template with the finalizer of MurmurHash3', () => {
  // From an implementation in Python, written from the published definitions: vectors/make.py.
  for (const row of vectors) {
    assert.deepEqual(read(row.path, 200, row.route), { template: row.template, object: row.object });
  }
});

test('the low bits of consecutive ids are spread evenly', () => {
  const cells = 1024;
  const perCell = 64;
  const counts = new Uint32Array(cells);
  for (let i = 0; i < cells * perCell; i++) {
    const { object } = read(`/api/v1/users/${i}`);
    counts[object % cells] = (counts[object % cells] as number) + 1;
  }
  let chiSquare = 0;
  for (const count of counts) chiSquare += (count - perCell) ** 2 / perCell;
  // 1,023 degrees of freedom: mean 1,023, standard deviation 45.2 (sqrt of twice the degrees); within 5 of them.
  assert.ok(chiSquare > 797 && chiSquare < 1249, `chi-square ${chiSquare}`);
});

test('a reader remembers nothing from one record to the next', () => {
  const path = fc.oneof(
    fc.string({ maxLength: 30 }),
    fc.array(fc.oneof(word, id), { maxLength: 12 }).map((parts) => `/${parts.join('/')}`),
  );
  const record = fc.record({
    method: fc.constantFrom('GET', 'CONNECT', null),
    path: fc.option(path),
    status: fc.constantFrom(200, 404, null),
    route: fc.option(fc.constantFrom('/r/{id}', '')),
  });
  const used = createRouteReader();
  fc.assert(
    fc.property(fc.array(record, { maxLength: 10 }), (records) => {
      for (const each of records) {
        const fresh = createRouteReader();
        fresh.read(each);
        used.read(each);
        assert.deepEqual([used.template, used.object], [fresh.template, fresh.object]);
      }
    }),
  );
});

test('the template of any path is bounded, begins with a slash, has no empty segments, and no odd characters but those of {id}', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.constantFrom('/', '//', ';', '.', ':', '(', ')', '%', '@', '1', 'a1', 'x.png', '-', '_', 'users'),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const path = `/${pieces.join('')}`;
      const got = read(path);
      assert.ok(got.template.startsWith('/'));
      assert.ok(got.template.length <= ROUTE_MAX_SEGMENTS * 50);
      assert.ok(Number.isInteger(got.object) && got.object >= 0 && got.object < 2 ** 32);
      assert.ok(!got.template.includes('//') && (got.template === '/' || !got.template.endsWith('/')));
      assert.ok(!/[%@]/.test(got.template.replaceAll('{id}', '')));
    }),
  );
});
