import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Paths of PEM files. */
export interface Certificates {
  readonly ca: string;
  /** The broker's private key, its certificate and the CA's, in one file, as Kafka reads a PEM key store. */
  readonly brokerKeystore: string;
  readonly clientCertificate: string;
  readonly clientKey: string;
}

const DAYS = '2';
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Makes a certificate authority, a broker's certificate for 127.0.0.1 and localhost, and a client's. Needs openssl. */
export function createCertificates(directory: string): Certificates {
  mkdirSync(directory, { recursive: true });
  const path = (name: string) => join(directory, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });

  function issue(name: string, commonName: string, extensions: string): void {
    writeFileSync(path(`${name}.ext`), extensions);
    openssl('req', '-new', ...NEW_KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${commonName}`);
    const from = ['-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
    openssl('x509', '-req', ...from, '-days', DAYS, '-extfile', `${name}.ext`, '-out', `${name}.pem`);
  }

  openssl('req', '-x509', ...NEW_KEY, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', DAYS, '-subj', '/CN=Test CA');
  issue('broker', 'localhost', 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n');
  issue('client', 'test-client', 'extendedKeyUsage=clientAuth\n');
  const keystore = ['broker.key', 'broker.pem', 'ca.pem'].map((name) => readFileSync(path(name), 'utf8')).join('');
  writeFileSync(path('broker-keystore.pem'), keystore);
  return {
    ca: path('ca.pem'),
    brokerKeystore: path('broker-keystore.pem'),
    clientCertificate: path('client.pem'),
    clientKey: path('client.key'),
  };
}
