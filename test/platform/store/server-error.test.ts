import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { test } from 'node:test';
import { openServerStore, type ServerStoreOptions } from '../../../platform/store/server.ts';
import { connectionError } from '../../../platform/store/server-error.ts';
import { listening, optionsFor, refusal } from '../../support/store-refusal.ts';

/** A server that gives these answers, in the form that ClickHouse gives them. */
async function canned(t: { after(done: () => void): void }, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${await listening(server)}`;
}

test('options that cannot work are refused with the setting to change, before anything is sent', async () => {
  const cases: [Partial<ServerStoreOptions>, RegExp][] = [
    [{ url: 'clickhouse:8123' }, /^store\.url must be http/],
    [{ url: 'tcp://clickhouse:9000' }, /^store\.url must be http/],
    [{ url: 'not a url' }, /^store\.url must be http/],
    [{ url: 'http://writer:hunter2@clickhouse:8123' }, /^store\.url must not hold a user or a password/],
    [{ url: 'http://clickhouse:8123/?password=hunter2' }, /^store\.url ends after the port/],
    [{ url: 'http://clickhouse:8123/gatewatch' }, /^store\.url ends after the port/],
    [{ database: 'gate-watch' }, /^store\.database must be a name/],
    [{ tls: { ca: Buffer.from('') } }, /^store\.tls is set, so store\.url must begin with https/],
    [{ url: 'https://clickhouse:8443', tls: { cert: Buffer.from('x') } }, /^store\.tls needs cert_file and key_file/],
    [{ url: 'https://clickhouse:8443', tls: { cert: Buffer.from('x'), key: Buffer.from('y') } }, /is no PEM/],
  ];
  for (const [more, message] of cases) {
    const { code, transient, message: said } = await refusal(optionsFor('http://clickhouse:8123', more));
    assert.deepEqual([code, transient], ['config_invalid', false], said);
    assert.match(said, message);
  }
});

test('a server that is away is a passing failure that names the address', async () => {
  const server = createTcpServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  const { code, transient, message } = await refusal(optionsFor(`http://127.0.0.1:${port}`));
  assert.deepEqual([code, transient], ['store_unavailable', true]);
  assert.equal(
    message,
    `ClickHouse at http://127.0.0.1:${port} cannot be reached (ECONNREFUSED): check store.url, and that the server runs`,
  );
});

test('a server that hangs is a passing failure after the time-out', async (t) => {
  const url = await canned(t, () => {});
  const { transient, message } = await refusal(optionsFor(url, { requestTimeoutMs: 100 }));
  assert.equal(transient, true);
  assert.match(message, /does not answer in time/);
});

test('something else than ClickHouse at the address is a passing failure that names the ports', async (t) => {
  const url = await canned(t, (_, response) => {
    response.writeHead(502).end('<html>Bad gateway: hunter2</html>');
  });
  const { transient, message } = await refusal(optionsFor(url));
  assert.equal(transient, true);
  assert.match(message, /answers, but not as ClickHouse does: the HTTP port is 8123/);
});

test('a missing database that the user may not make says what to grant', async (t) => {
  // Answers of ClickHouse to a user with few rights: databases without a grant do not show.
  const url = await canned(t, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (Buffer.concat(chunks).toString().startsWith('SELECT')) return void response.end('{"present":"0"}\n');
      response.writeHead(500, { 'x-clickhouse-exception-code': '497' });
      response.end(
        "Code: 497. DB::Exception: writer: Not enough privileges. To execute this query, it's necessary to have the grant CREATE DATABASE ON gatewatch.*. (ACCESS_DENIED) (version 26.7.2.1)",
      );
    });
  });
  const { code, transient, message } = await refusal(optionsFor(url));
  assert.deepEqual([code, transient], ['store_unavailable', false]);
  assert.match(message, /^database gatewatch is missing at http:\/\/127\.0\.0\.1:\d+, or hidden from user "writer"/);
  assert.match(message, /CREATE DATABASE gatewatch; GRANT ALL ON gatewatch\.\* TO the user$/);
});

test('the database of a cluster is made on all of it', async (t) => {
  const sent: string[] = [];
  const url = await canned(t, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      sent.push(Buffer.concat(chunks).toString());
      response.end(sent.length === 1 ? '{"present":"0"}\n' : '');
    });
  });
  const store = await openServerStore(optionsFor(url, { cluster: 'main' }));
  assert.deepEqual(
    sent.slice(1),
    ["CREATE DATABASE IF NOT EXISTS `gatewatch` ON CLUSTER 'main'\nFORMAT JSON"].map((s) => s.split('\n')[0]),
  );
  await store.close();
});

test('inserts to a cluster are answered when the shard has the rows', async (t) => {
  const urls: URL[] = [];
  const url = await canned(t, (request, response) => {
    urls.push(new URL(request.url ?? '', 'http://localhost'));
    request.resume().on('end', () => response.end(urls.length === 1 ? '{"present":"1"}\n' : ''));
  });
  const store = await openServerStore(optionsFor(url, { cluster: 'main' }));
  await store.insert({ table: 'events', columns: ['position'], rows: Buffer.from('[1]\n'), token: 'g:0:0-1' });
  await store.close();
  assert.equal(urls.length, 2);
  assert.equal(urls[1]?.searchParams.get('distributed_foreground_insert'), '1');
  assert.equal(urls[1]?.searchParams.get('database'), 'gatewatch');
});

test('each fault of a certificate says which setting helps, and is permanent', () => {
  const place = { origin: 'https://c:8443', username: 'w', database: 'g' };
  const cases: [string, RegExp][] = [
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /set store\.tls\.ca_file/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /set store\.tls\.ca_file/],
    ['CERT_HAS_EXPIRED', /renew it/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /write that name in store\.url/],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', /store\.tls\.cert_file/],
    ['EPROTO', /TLS port/],
  ];
  for (const [code, message] of cases) {
    const error = connectionError(Object.assign(new Error('x'), { code }), place);
    assert.deepEqual([error.code, error.transient], ['store_unavailable', false], code);
    assert.match(error.message, message);
  }
  // Whatever else node says of the network may pass.
  for (const code of ['ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH', 'ECONNRESET', 'ECONNREFUSED']) {
    const error = connectionError(Object.assign(new Error('x'), { code }), place);
    assert.deepEqual([error.code, error.transient], ['store_unavailable', true], code);
    assert.match(error.message, new RegExp(code));
  }
});

test('a password that is refused later, at a ping, says the same', () => {
  const refused = Object.assign(new Error('Code: 516. DB::Exception: hunter2'), { code: '516' });
  const error = connectionError(refused, { origin: 'http://c:8123', username: 'w', database: 'g' });
  assert.equal(error.transient, false);
  assert.equal(
    error.message,
    'ClickHouse at http://c:8123 does not let user "w" in: check store.username and store.password',
  );
});
