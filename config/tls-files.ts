import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import Type from 'typebox';
import type { Report } from './problem.ts';
import { createSecret, errorCode, type ReadTextFile, type Secret } from './secrets.ts';

/** What the files of a `tls` section hold, as PEM text. */
export interface TlsFiles {
  /** Authorities to trust; null: those that Node brings along. */
  readonly ca: string | null;
  /** Certificate that this program shows, with its chain; null: none. */
  readonly cert: string | null;
  /** Private key of `cert`; null exactly when that is. */
  readonly key: Secret | null;
}

/** The settings that name the files; the same for every connection. */
export const tlsFileSettings = () => ({
  ca_file: pemFile('Certificates of the authorities to trust, PEM. Without it those that Node brings along.', 'ca.pem'),
  cert_file: pemFile('Certificate that this program shows, PEM. Needs key_file.', 'client.pem'),
  key_file: pemFile('Private key of that certificate, PEM, without a passphrase.', 'client.key'),
});

const pemFile = (description: string, name: string) =>
  Type.Optional(Type.String({ description, minLength: 1, examples: [`/etc/gatewatch/tls/${name}`] }));

type FileSetting = 'ca_file' | 'cert_file' | 'key_file';
type WrittenFiles = { readonly [Name in FileSetting]?: string | undefined };

/**
 * Reads the files of a `tls` section and reports what cannot work: a file that cannot be read or holds something else, a
 * certificate without its key, a key of another certificate. Never throws; no message holds a part of a file.
 * `at` is the path of the section, `read` fetches a file by its path as written.
 * Misses what only the other side can tell: an expired certificate, or one that is not accepted.
 */
export function readTlsFiles(written: WrittenFiles, at: string, read: ReadTextFile, report: Report): TlsFiles {
  for (const [name, other] of PAIRS) {
    if (!(name in written) || other in written) continue;
    report(`${at}.${other}`, `is missing: ${name} cannot be used without it`, `${other}: ${EXAMPLES[other]}`);
  }
  const text = (name: FileSetting): string | null => {
    const path = written[name];
    if (path === undefined) return null;
    try {
      return read(path);
    } catch (error) {
      const fix = `${name}: the path of a file that the account of gatewatch may read`;
      report(`${at}.${name}`, `the file ${path} cannot be read (${errorCode(error)})`, fix);
      return null;
    }
  };
  const [ca, cert, key] = [text('ca_file'), text('cert_file'), text('key_file')];
  if (ca !== null) certificateIn(ca, `${at}.ca_file`, report);
  const certificate = cert === null ? null : certificateIn(cert, `${at}.cert_file`, report);
  const privateKey = key === null ? null : privateKeyIn(key, `${at}.key_file`, report);
  if (certificate !== null && privateKey !== null && !certificate.checkPrivateKey(privateKey)) {
    report(`${at}.key_file`, 'is not the key of the certificate in cert_file', 'key_file: the key that belongs to it');
  }
  return { ca, cert, key: key === null ? null : createSecret(key) };
}

const PAIRS = [
  ['cert_file', 'key_file'],
  ['key_file', 'cert_file'],
] as const;
const EXAMPLES = { cert_file: '/etc/gatewatch/tls/client.pem', key_file: '/etc/gatewatch/tls/client.key' } as const;

function certificateIn(text: string, at: string, report: Report): X509Certificate | null {
  try {
    return new X509Certificate(text);
  } catch {
    const fix = `${at.replace(/^.*\./, '')}: a file with -----BEGIN CERTIFICATE-----`;
    report(at, 'the file holds no certificate in PEM form', fix);
    return null;
  }
}

/** How PEM says so: RFC 7468 section 11, and RFC 1421 section 4.6.1.1 for the older form. */
const ENCRYPTED_KEY = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;

function privateKeyIn(text: string, at: string, report: Report): KeyObject | null {
  try {
    return createPrivateKey(text);
  } catch {
    const encrypted = ENCRYPTED_KEY.test(text);
    const message = encrypted ? 'the key needs a passphrase' : 'the file holds no private key in PEM form';
    const fix = encrypted
      ? 'a key without one, which only gatewatch may read'
      : 'a file with -----BEGIN PRIVATE KEY-----';
    report(at, message, `key_file: ${fix}`);
    return null;
  }
}
