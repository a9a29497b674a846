import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hostOfBroker, parseBroker, parseHttpServer } from '../../config/network-places.ts';

test('a broker is a name or an IPv4 address and a port', () => {
  for (const [written, host] of [
    ['kafka:9092', 'kafka'],
    ['b-1.Example.org:65535', 'b-1.Example.org'],
    ['127.0.0.1:1', '127.0.0.1'],
  ] as const) {
    assert.deepEqual(parseBroker(written), { ok: true, value: written });
    assert.equal(hostOfBroker(written), host);
  }
});

test('what is no broker is refused with something that is one', () => {
  const cases: [unknown, string][] = [
    ['kafka', 'kafka:9092'],
    ['broker-7.example.org', 'broker-7.example.org:9092'],
    ['PLAINTEXT://broker:9093', 'broker:9093'],
    ['kafka://broker/', 'broker:9092'],
    ['kafka:0', 'kafka:9092'],
    ['kafka:65536', 'kafka:9092'],
    ['a:9092,b:9092', 'kafka:9092'],
    ['[::1]:9092', 'kafka:9092'],
    ['2001:db8::1:9092', 'kafka:9092'],
    [9092, 'kafka:9092'],
    ['', 'kafka:9092'],
  ];
  for (const [written, fix] of cases) {
    const reading = parseBroker(written);
    assert.equal(reading.ok ? 'accepted' : reading.fix, fix, String(written));
  }
  const six = parseBroker('[::1]:9092');
  assert.match(six.ok ? '' : six.message, /IPv6/);
});

test('a server is the origin of an http or https address', () => {
  const cases: [string, string][] = [
    ['http://clickhouse:8123', 'http://clickhouse:8123'],
    ['https://CH.example.org:8443/', 'https://ch.example.org:8443'],
    ['http://[::1]:8123', 'http://[::1]:8123'],
    // RFC 9110 section 4.2.2: 443 is the port of https.
    ['https://ch:443', 'https://ch'],
  ];
  for (const [written, value] of cases) assert.deepEqual(parseHttpServer(written), { ok: true, value }, written);
});

test('what is more or less than an http server is refused with one that is', () => {
  const cases: [unknown, string][] = [
    ['clickhouse:8123', 'http://clickhouse:8123'],
    ['clickhouse', 'http://clickhouse'],
    ['tcp://clickhouse:9000', 'http://clickhouse:8123'],
    ['http://ch:8123/gatewatch', 'http://ch:8123'],
    ['http://ch:8123/?database=x', 'http://ch:8123'],
    ['http://', 'http://clickhouse:8123'],
    [8123, 'http://clickhouse:8123'],
    [null, 'http://clickhouse:8123'],
  ];
  for (const [written, fix] of cases) {
    const reading = parseHttpServer(written);
    assert.equal(reading.ok ? 'accepted' : reading.fix, fix, String(written));
  }
});

test('a password in an address is refused and not repeated', () => {
  for (const written of [
    'http://u:hunter2@ch:8123',
    'https://hunter2@ch',
    'u:hunter2@ch:8123',
    'http://ch/?p=hunter2',
  ]) {
    const reading = parseHttpServer(written);
    assert.ok(!reading.ok, written);
    assert.ok(!JSON.stringify(reading).includes('hunter2'), written);
  }
  for (const written of ['u:hunter2@kafka:9092', 'SASL_SSL://u:hunter2@kafka:9092']) {
    const reading = parseBroker(written);
    assert.ok(!reading.ok && !JSON.stringify(reading).includes('hunter2'), written);
  }
});

test('whatever is written, reading does not throw, and the advice is itself accepted', () => {
  const written = fc.oneof(
    fc.string(),
    fc.stringMatching(/^[a-z]{0,4}(:\/\/)?[a-z0-9.[\]:-]{0,12}(:\d{1,6})?\/?$/),
    fc.webUrl({ withQueryParameters: true }),
    fc.anything(),
  );
  fc.assert(
    fc.property(written, (value) => {
      for (const parse of [parseBroker, parseHttpServer]) {
        const reading = parse(value);
        const place = reading.ok ? reading : parse(reading.fix);
        assert.ok(place.ok);
        assert.deepEqual(parse(place.value), place);
      }
    }),
  );
});
