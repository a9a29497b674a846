// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how secrets are named in settings

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { inspect } from 'node:util';
import { readTextFile } from '../../config/secrets.ts';
import { createCertificates } from '../support/kafka/certificates.ts';
import { requires } from '../support/requires.ts';
import { accepted, NO_FILE, refused } from './settings.ts';

const HAS_OPENSSL = spawnSync('openssl', ['version']).status === 0;
const OPENSSL = requires('openssl', HAS_OPENSSL);
const directory = mkdtempSync(join(tmpdir(), 'gatewatch-tls-'));
after(() => rmSync(directory, { recursive: true }));
const files = HAS_OPENSSL ? createCertificates(directory) : { ca: '', clientCertificate: '', clientKey: '' };

const env = { K: 'ab'.repeat(32) };
const kafka = (tls: string) => `mode: distributed
pseudonym_key: "\${env:K}"
store: { type: none }
kafka: { brokers: [kafka:9092], tls: { ${tls} } }
`;
const store = (tls: string) => `store: { type: server, url: "https://ch:8443", tls: { ${tls} } }`;
const BOTH = [
  ['kafka.tls', kafka],
  ['store.tls', store],
] as const;

test('files are read once and stand in the settings, relative ones from the folder of the settings', OPENSSL, () => {
  const text = (path: string) => readFileSync(path, 'utf8');
  const names = 'ca_file: ca.pem, cert_file: client.pem, key_file: client.key';
  const home = join(dirname(files.ca), 'gatewatch.yaml');
  const settled = accepted(kafka(`${names}, server_name: kafka.example.org`), env, readTextFile, home).kafka?.tls;
  assert.equal(settled?.ca, text(files.ca));
  assert.equal(settled?.cert, text(files.clientCertificate));
  assert.equal(settled?.key?.reveal(), text(files.clientKey));
  assert.equal(settled?.server_name, 'kafka.example.org');
  const other = accepted(store(names), env, readTextFile, home).store;
  assert.ok(other.type === 'server');
  assert.equal(other.tls?.ca, text(files.ca));
  assert.equal(other.tls?.key?.reveal(), text(files.clientKey));
});

test('the private key does not show itself', OPENSSL, () => {
  const names = `cert_file: ${files.clientCertificate}, key_file: ${files.clientKey}`;
  const config = accepted(kafka(names), env, readTextFile);
  for (const shown of [JSON.stringify(config), inspect(config, { depth: 9, showHidden: true })]) {
    assert.ok(!shown.includes('PRIVATE KEY'));
  }
});

test('every file that cannot be read is told, with the code of the system', () => {
  for (const [at, text] of BOTH) {
    const problems = refused(text('ca_file: /a, cert_file: /b, key_file: /c'), env, NO_FILE);
    assert.deepEqual(
      problems.map(({ path, message, fix }) => [path, message, fix]),
      [
        ['ca_file', '/a'],
        ['cert_file', '/b'],
        ['key_file', '/c'],
      ].map(([name, file]) => [
        `${at}.${name}`,
        `the file ${file} cannot be read (ENOENT)`,
        `${name}: the path of a file that the account of gatewatch may read`,
      ]),
    );
  }
});

test('a certificate without its key is refused, and a key without its certificate', OPENSSL, () => {
  for (const [at, text] of BOTH) {
    const [noKey, ...others] = refused(text(`cert_file: ${files.clientCertificate}`), env, readTextFile);
    assert.deepEqual([noKey?.path, others], [`${at}.key_file`, []]);
    assert.equal(noKey?.fix, 'key_file: /etc/gatewatch/tls/client.key');
    const [noCert, ...more] = refused(text(`key_file: ${files.clientKey}`), env, readTextFile);
    assert.deepEqual([noCert?.path, more], [`${at}.cert_file`, []]);
  }
});

test('files that hold something else are told apart, and nothing of them is repeated', OPENSSL, () => {
  const locked = createPrivateKey(readFileSync(files.clientKey)).export({
    ...{ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'hunter2' },
  });
  const path = (name: string, content: string | Buffer) => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  const lockedPath = path('locked.key', locked);
  const junk = path('junk', 'hunter2\n');
  const { clientCertificate: cert, clientKey: key, ca } = files;
  const cases: [string, string, RegExp][] = [
    [`ca_file: ${junk}`, 'ca_file', /no certificate in PEM form/],
    [`ca_file: ${key}`, 'ca_file', /no certificate/],
    [`cert_file: ${key}, key_file: ${key}`, 'cert_file', /no certificate/],
    [`cert_file: ${cert}, key_file: ${cert}`, 'key_file', /no private key/],
    [`cert_file: ${cert}, key_file: ${junk}`, 'key_file', /no private key/],
    [`cert_file: ${cert}, key_file: ${lockedPath}`, 'key_file', /needs a passphrase/],
    [`cert_file: ${ca}, key_file: ${key}`, 'key_file', /not the key of the certificate/],
  ];
  for (const [tls, name, message] of cases) {
    for (const [at, text] of BOTH) {
      const problems = refused(text(tls), env, readTextFile);
      assert.deepEqual(
        problems.map((problem) => problem.path),
        [`${at}.${name}`],
        tls,
      );
      assert.match(problems[0]?.message ?? '', message);
      assert.ok(!/hunter2|BEGIN [A-Z ]*KEY-----\n/.test(JSON.stringify(problems)));
    }
  }
});

test('an authority file may begin with words and hold several certificates', OPENSSL, () => {
  const bundle = `# our authorities\n${readFileSync(files.ca, 'utf8')}\n${readFileSync(files.clientCertificate, 'utf8')}`;
  assert.equal(accepted(kafka('ca_file: /bundle'), env, () => bundle).kafka?.tls?.ca, bundle);
});
