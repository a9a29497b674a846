import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { openServerStore } from '../../../platform/store/server.ts';
import { CHDB, chdbPresent } from '../../support/chdb.ts';
import { type ClickHouseProcess, startClickHouse } from '../../support/clickhouse-process.ts';
import { type Certificates, createCertificates } from '../../support/kafka/certificates.ts';
import { requires } from '../../support/requires.ts';
import { listening, optionsFor, PASSWORD, refusal } from '../../support/store-refusal.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

function openssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const needs = { ...requires(CHDB, chdbPresent()), ...requires('openssl', openssl()) };
describe('a ClickHouse server with users and TLS', needs, () => {
  const directory = temporaryDirectory();
  let server: ClickHouseProcess;
  let certificates: Certificates;
  const ends: Server[] = [];
  const ca = () => readFileSync(certificates.ca);
  const clientPair = () => ({
    cert: readFileSync(certificates.clientCertificate),
    key: readFileSync(certificates.clientKey),
  });

  before(async () => {
    certificates = createCertificates(join(directory.path, 'tls'));
    server = await startClickHouse({ user: 'writer', password: PASSWORD });
  });
  after(async () => {
    for (const end of ends) end.close();
    await server.dispose();
    directory.remove();
  });

  /** TLS in front of the server, as its own TLS port would be. */
  async function tlsPort(options: TlsOptions = {}, host?: string): Promise<number> {
    const pem = readFileSync(certificates.brokerKeystore);
    const end = createTlsServer({ key: pem, cert: pem, ca: ca(), ...options }, (socket) => {
      const inner = connect(Number(new URL(server.url).port), '127.0.0.1');
      socket.pipe(inner).pipe(socket);
      socket.on('error', () => inner.destroy());
      inner.on('error', () => socket.destroy());
    });
    end.on('tlsClientError', () => {});
    ends.push(end);
    return await listening(end, host);
  }

  test('lets the right user in and nobody else, for good', async () => {
    const store = await openServerStore(optionsFor(server.url));
    await store.ping();
    await store.close();
    for (const more of [{ password: 'wrong' }, { password: null }, { username: 'nobody' }]) {
      const { code, transient, message } = await refusal(optionsFor(server.url, more));
      assert.deepEqual([code, transient], ['store_unavailable', false]);
      assert.match(message, /does not let user "(writer|nobody)" in: check store\.username and store\.password$/);
    }
  });

  test('stores over TLS with the authority that the settings name', async () => {
    const store = await openServerStore(optionsFor(`https://localhost:${await tlsPort()}`, { tls: { ca: ca() } }));
    await store.migrate();
    await store.ping();
    assert.deepEqual(await store.query('SELECT count() AS n FROM events'), [{ n: '0' }]);
    await store.close();
  });

  test('does not trust a server that no known authority vouches for, or under another name', async () => {
    const port = await tlsPort();
    const unknown = await refusal(optionsFor(`https://localhost:${port}`));
    assert.equal(unknown.transient, false);
    assert.match(unknown.message, /set store\.tls\.ca_file/);
    // The certificate names localhost and 127.0.0.1.
    const elsewhere = await tlsPort({}, '127.0.0.2');
    const other = await refusal(optionsFor(`https://127.0.0.2:${elsewhere}`, { tls: { ca: ca() } }));
    assert.equal(other.transient, false);
    assert.match(other.message, /its certificate is for another name: write that name in store\.url/);
  });

  test('shows its certificate to a server that asks for one, and says so when it has none', async () => {
    const port = await tlsPort({ requestCert: true, rejectUnauthorized: true, maxVersion: 'TLSv1.2' });
    const store = await openServerStore(
      optionsFor(`https://localhost:${port}`, { tls: { ca: ca(), ...clientPair() } }),
    );
    await store.ping();
    await store.close();
    const { transient, message } = await refusal(optionsFor(`https://localhost:${port}`, { tls: { ca: ca() } }));
    assert.equal(transient, false);
    assert.match(message, /store\.tls\.cert_file/);
  });

  test('says that https was asked of a port without TLS, and http of one with', async () => {
    const plain = new URL(server.url).port;
    const https = await refusal(optionsFor(`https://127.0.0.1:${plain}`));
    assert.deepEqual([https.code, https.transient], ['store_unavailable', false], https.message);
    assert.match(https.message, /https:\/\/ needs the TLS port/);
    const http = await refusal(optionsFor(`http://127.0.0.1:${await tlsPort()}`));
    assert.equal(http.code, 'store_unavailable');
    assert.match(http.message, /a port with TLS wants https:\/\//);
  });

  test('with a certificate and no password the user is known by the certificate', async (t) => {
    const seen: Record<string, string | string[] | undefined>[] = [];
    const { createServer: createHttps } = await import('node:https');
    const pem = readFileSync(certificates.brokerKeystore);
    const end = createHttps({ key: pem, cert: pem, ca: ca(), requestCert: true }, (request, response) => {
      seen.push(request.headers);
      request.resume().on('end', () => response.end('{"present":"1"}\n'));
    });
    t.after(() => {
      end.close();
      end.closeAllConnections();
    });
    const url = `https://localhost:${await listening(end)}`;
    await (await openServerStore(optionsFor(url, { password: null, tls: { ca: ca(), ...clientPair() } }))).close();
    await (await openServerStore(optionsFor(url, { tls: { ca: ca(), ...clientPair() } }))).close();
    assert.deepEqual(
      seen.map((headers) => [headers['x-clickhouse-ssl-certificate-auth'], headers.authorization?.slice(0, 6)]),
      [
        ['on', undefined],
        [undefined, 'Basic '],
      ],
    );
  });
});
