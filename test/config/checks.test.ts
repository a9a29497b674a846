// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how secrets are named in settings

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accepted, refused } from './settings.ts';

const TOKEN = 'a-token-of-enough-characters';

test('a public host needs a token, a loopback host does not, and a token of a few characters is none', () => {
  for (const host of ['127.0.0.1', '::1', 'localhost']) accepted(`listen: { host: "${host}" }`);
  for (const host of ['0.0.0.0', '::', '10.1.2.3', 'gw.example.org']) {
    assert.equal(refused(`listen: { host: "${host}" }`)[0]?.path, 'listen.host', host);
    const config = accepted(`listen: { host: "${host}", ingest_token: "\${env:T}" }`, { T: TOKEN });
    assert.equal(config.listen.ingest_token?.reveal(), TOKEN);
  }
  for (const token of ['short', 'has a blank in the middle', 'größer-als-sechzehn']) {
    const [problem] = refused('listen: { ingest_token: "${env:T}" }', { T: token });
    assert.match(problem?.message ?? '', /at least 16/);
  }
  // The missing variable is the one problem; the host is not blamed as well.
  assert.deepEqual(
    refused('listen: { host: 0.0.0.0, ingest_token: "${env:T}" }').map(({ path }) => path),
    ['listen.ingest_token'],
  );
});

test('the pseudonym key must be 32 bytes', () => {
  const config = accepted('pseudonym_key: "${env:K}"', { K: Buffer.alloc(32, 7).toString('base64') });
  assert.ok(config.pseudonym_key !== undefined);
  assert.match(refused('pseudonym_key: "${env:K}"', { K: 'c2hvcnQ=' })[0]?.message ?? '', /32 bytes/);
});

test('sources of one name, of one file, or with a mapping that cannot work are refused', () => {
  const paths = refused(`sources:
  - { name: a, type: file, path: /x }
  - { name: a, type: file, path: /y/../x }
  - { name: b, type: file, path: "/logs/*.log" }
  - { name: c, type: http, format: nginx, mapping: { time: { path: t, unit: s, basis: end }, path: p } }
  - { name: d, type: http, format: json, mapping: { time: { path: t, unit: s, basis: end } } }
  - { name: e, type: http, format: json, mapping: { time: { path: t.__proto__, unit: s, basis: end }, path: p } }
`).map(({ path }) => path);
  assert.deepEqual(paths, [
    'sources[1].name',
    'sources[1].path',
    'sources[2].path',
    'sources[3].mapping',
    'sources[4].mapping',
    'sources[5].mapping',
  ]);
});
