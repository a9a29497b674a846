import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { redactPath, redactQuery, redactUserAgent } from '../../ingest/redact.ts';
import { createRouteReader } from '../../ingest/route-template.ts';
import {
  awsKeyId,
  capitalizeSome,
  encodeSome,
  issuedKey,
  jwt,
  opaque,
  secretNames,
  shaped,
  word,
} from '../support/secrets.ts';

const mask = fc.integer({ min: 0, max: 2 ** 31 - 1 });

test('the value of a secret parameter is never seen, however the name is written', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...secretNames),
      mask,
      mask,
      fc.constantFrom('', '[]', '[0]', '%5B%5D', '_2'),
      fc.array(fc.oneof(word, fc.constantFrom('/', '+', '%20', ',', '=', '%26', '"', ' ', ':', '?')), {
        minLength: 1,
        maxLength: 4,
      }),
      word,
      fc.constantFrom('&', ';'),
      fc.constantFrom('', 'page=2'),
      (name, capitals, encoded, suffix, noise, secret, separator, before) => {
        const written = encodeSome(capitalizeSome(name, capitals), encoded) + suffix;
        const value = `${noise.join('')}${secret}`;
        const start = before === '' ? '' : before + separator;
        const got = redactQuery(`${start}${written}=${value}${separator}limit=50`);
        assert.equal(got, `${start}${written}=REDACTED${separator}limit=50`);
      },
    ),
  );
});

test('a secret known by its shape is never seen, in any value, segment or user agent', () => {
  fc.assert(
    fc.property(shaped, fc.constantFrom('x', 'id', 'q', 'redirect'), (secret, name) => {
      for (const got of [
        redactQuery(`page=2&${name}=${secret}`),
        redactQuery(`${name}=/a/${secret}/b&page=2`),
        redactQuery(secret),
        redactPath(`/api/${secret}/x`),
        redactPath(`/${secret}`),
        redactUserAgent(`client/1.0 (${secret})`),
        redactUserAgent(secret),
      ]) {
        assert.ok(!got.includes(secret), got);
        assert.ok(got.includes('REDACTED'), got);
      }
    }),
  );
});

test('percent-encoding, once or twice, does not hide the shape of a secret', () => {
  fc.assert(
    fc.property(fc.oneof(jwt, opaque, issuedKey, awsKeyId), mask, fc.boolean(), (secret, bits, twice) => {
      const once = encodeSome(secret, bits | 1);
      const encoded = twice ? once.replaceAll('%', '%25') : once;
      for (const got of [redactQuery(`x=${encoded}&y=1`), redactPath(`/a/${encoded}/b`)]) {
        assert.ok(!decodeURIComponent(decodeURIComponent(got)).includes(secret), got);
        assert.ok(got === 'x=REDACTED&y=1' || got === '/a/REDACTED/b', got);
      }
    }),
  );
});

test('secrets inside a URL or JSON inside a value are never seen', () => {
  fc.assert(
    fc.property(word, fc.constantFrom('token', 'code', 'client_secret', 'password'), (secret, name) => {
      const url = `https://app.example.com/cb?state=1&${name}=${secret}#x`;
      const json = `{"a":1,"${name}":"${secret}","b":[2]}`;
      for (const inner of [url, json]) {
        const once = encodeURIComponent(inner);
        for (const value of [once, encodeURIComponent(once)]) {
          assert.ok(!redactQuery(`next=${value}&page=2`).includes(secret));
          assert.equal(redactQuery(`next=${value}&page=2`), 'next=REDACTED&page=2');
        }
      }
      assert.equal(redactQuery(`filter={"${name}":"${secret}","b":2}`), `filter={"${name}":"REDACTED","b":2}`);
      assert.equal(redactQuery(`next=/cb?${name}=${secret}`), `next=/cb?${name}=REDACTED`);
      assert.equal(redactPath(`/app;${name}=${secret}/x`), `/app;${name}=REDACTED/x`);
      assert.equal(redactUserAgent(`app/1 (${name}=${secret}; x)`), `app/1 (${name}=REDACTED; x)`);
    }),
  );
});

test('e-mail addresses are replaced, encoded or not, and so is the user part of URLs', () => {
  // A name and a domain of letters stand for any: what may stand in an address is RFC 5322's business.
  fc.assert(
    fc.property(word, word, fc.constantFrom('@', '%40', '%2540'), (name, host, at) => {
      const address = `${name}.x+y${at}${host}.example`;
      assert.equal(redactQuery(`email=${address}&x=1`), 'email=EMAIL&x=1');
      assert.equal(redactPath(`/users/${address}/orders`), '/users/EMAIL/orders');
    }),
  );
  assert.equal(redactUserAgent('bot/1.0 (mail bob@example.com)'), 'bot/1.0 (mail EMAIL)');
  assert.equal(redactQuery('u=https://bob:hunter2@host/x'), 'u=https://REDACTED@host/x');
  assert.equal(redactPath('/proxy/https://bob:hu@nter2@host/x'), '/proxy/https://REDACTED@host/x');
  assert.equal(redactPath('/proxy/https:/bob:hunter2@host/x'), '/proxy/https:/REDACTED@host/x');
  assert.equal(redactPath('/proxy/https%3A%2F%2Fbob%3Ahunter2%40host/x'), '/proxy/REDACTED/x');
});

test('Bearer and Basic values are replaced, the words are not', () => {
  const basic = Buffer.from('bob:hunter2').toString('base64');
  assert.equal(redactQuery('a=Bearer+abc.def~1'), 'a=Bearer+REDACTED');
  assert.equal(redactQuery('a=bearer%20abcdef'), 'a=bearer%20REDACTED');
  assert.equal(redactQuery(`a=Basic%20${basic}`), 'a=Basic%20REDACTED');
  assert.equal(redactUserAgent(`x/1 Authorization: Basic ${basic}`), 'x/1 Authorization: REDACTED');
  assert.equal(redactUserAgent('x/1 Authorization: Token abcdef'), 'x/1 Authorization: REDACTED');
  assert.equal(redactQuery('plan=basic+monthly+subscription'), 'plan=basic+monthly+subscription');
});

test('text without secrets is unchanged', () => {
  const plain = fc.oneof(
    fc.constantFrom(
      'red',
      'created_at',
      'DE',
      'how-to-plan-a-trip-in-2024-and-come-home-again',
      'getUserAccountTransactionHistoryById',
      '1.5',
      '-3',
      'true',
      '2024-05-17T10:11:12Z',
      'iphone-15-pro-max-256gb-vs-galaxy-s24-ultra',
      'SAVE_UPDATED_TRANSACTION_STATUS',
      'hello%20world',
      'a,b,c',
      '%C3%A9t%C3%A9',
      'key:asc',
      'zh-Hant-TW',
      '52.52,13.40',
      '10.0.0.1',
      'x%3Dy',
      'eyJpZCI6MTIzfQ',
      'logo@2x.png',
      'vue@3.4.21',
      '#1',
    ),
    fc.nat().map(String),
    fc.uuid(),
    fc.uuid().map((uuid) => `job-${uuid}`),
    fc.ulid(),
  );
  const name = fc.constantFrom(
    'page',
    'limit',
    'q',
    'sort_key',
    'country_code',
    'status_code',
    'author',
    'keyword',
    'design',
    'filter[name]',
    'max_tokens',
    'token_type',
    'inside',
    'created_at',
    'passenger',
    'session_count',
    'authority',
    'partition_key',
    'encoding',
    'sidebar',
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, plain), { maxLength: 6 }), fc.constantFrom('&', ';'), (pairs, separator) => {
      const query = pairs.map(([n, v]) => `${n}=${v}`).join(separator);
      assert.equal(redactQuery(query), query);
      const path = `/${pairs.map(([, v]) => v).join('/')}`;
      assert.equal(redactPath(path), path);
    }),
  );
  for (const userAgent of [
    '',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36',
    'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
    'ShopApp/3.2 (iPhone; iOS 17.2; 550e8400-e29b-41d4-a716-446655440000)',
  ]) {
    assert.equal(redactUserAgent(userAgent), userAgent);
    assert.equal(redactUserAgent(userAgent), userAgent);
  }
  for (const query of ['', '&', '=', '&&a=1&', 'token', 'token=', 'a==&b', '%', '%zz=%'])
    assert.equal(redactQuery(query), query);
});

const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 8 }),
      shaped,
      word,
      fc.constantFrom(
        '&',
        ';',
        '=',
        '%',
        '%3D',
        '%26',
        '%25',
        '%2F',
        '%40',
        '@',
        '//',
        '/',
        ':',
        '?',
        '#',
        '"',
        "'",
        '{',
        ' ',
        '+',
        '.',
        '-',
        '_',
        '[',
        ']',
        ',',
        'token',
        'password',
        'key',
        'Bearer ',
        'Basic ',
        'Bearer%20',
        'eyJ',
        'AKIA',
        'ghp_',
        'https://',
        'REDACTED',
        'EMAIL',
        'a@b.cd',
        '%u0074',
        '\\',
      ),
    ),
    { maxLength: 25 },
  )
  .map((pieces) => pieces.join(''));

test('redacting again changes nothing, whatever the text, and nothing is ever thrown', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      for (const redact of [redactQuery, redactPath, redactUserAgent]) {
        const once = redact(text);
        assert.equal(redact(once), once);
        assert.equal(redact(text), once);
      }
    }),
  );
});

test('what one replacement leaves beside another is looked at again', () => {
  for (const redact of [redactQuery, redactPath, redactUserAgent]) {
    assert.equal(redact('bob@example.comann@example.com'), 'EMAIL');
    assert.equal(redact('Bearer bob@example.com'), 'Bearer REDACTED');
  }
});

test('a long secret behind a secret name is gone, whatever stands around it', () => {
  fc.assert(
    fc.property(hostile, hostile, opaque, (before, after, secret) => {
      // The parameter is delimited, so that the name is its own; the rest is anything.
      const got = redactQuery(`${before}&access_token=${secret}&${after}`);
      assert.ok(!got.includes(secret), got);
    }),
  );
});

test('a secret in a path is not in the route template either', () => {
  const reader = createRouteReader();
  fc.assert(
    fc.property(shaped, mask, (secret, bits) => {
      for (const written of [secret, encodeSome(secret, bits | 1), `${secret}.json`, `x;token=${secret}`]) {
        reader.read({ method: 'GET', path: `/a/b/${written}/c`, status: 200, route: null });
        assert.ok(!reader.template.includes(secret), reader.template);
        reader.read({ method: 'GET', path: `/a/b/${written}`, status: 200, route: null });
        assert.ok(!reader.template.includes(secret), reader.template);
      }
    }),
  );
});
