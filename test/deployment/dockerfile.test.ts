import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseArguments } from '../../cli/parse-arguments.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** Instructions in order, continued lines joined, comments left out. */
const instructions = read('Dockerfile')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => line.trim() !== '' && !line.startsWith('#'))
  .map((line) => ({ word: line.split(' ', 1)[0] as string, rest: line.slice(line.indexOf(' ') + 1).trim() }));
const lastStage = instructions.slice(instructions.findLastIndex(({ word }) => word === 'FROM'));
const all = (word: string, from = instructions) => from.filter((one) => one.word === word).map((one) => one.rest);

test('every stage is from one pinned Debian image of Node 24', () => {
  const images = all('FROM').map((rest) => rest.split(' ')[0]);
  assert.equal(new Set(images).size, 1);
  assert.match(images[0] as string, /^node:24\.\d+\.\d+-(bookworm|trixie)-slim$/);
});

test('packages come from the lock file, and those of development stay out of the image', () => {
  const installs = all('RUN').filter((rest) => rest.includes('npm'));
  for (const install of installs) assert.doesNotMatch(install, /npm (install|i|update)\b/);
  assert.deepEqual(
    all('COPY', lastStage).filter((rest) => rest.includes('node_modules')),
    ['--from=packages /build/node_modules ./node_modules'],
  );
  const packages = instructions.slice(
    instructions.findIndex(({ word, rest }) => word === 'FROM' && rest.endsWith('AS packages')),
  );
  assert.match(all('RUN', packages)[0] as string, /^npm ci --omit=dev\b/);
});

test('the program runs as a user that is not root, by number, with its data directory in a volume', () => {
  const [user] = all('USER', lastStage);
  assert.match(user as string, /^[1-9]\d*:[1-9]\d*$/);
  assert.deepEqual(all('VOLUME', lastStage), ['/var/lib/gatewatch']);
  const install = all('RUN', lastStage).find((rest) => rest.includes('/var/lib/gatewatch'));
  const [uid, gid] = (user as string).split(':');
  assert.equal(install, `install -d -o ${uid} -g ${gid} -m 0700 /var/lib/gatewatch`);
  const order = lastStage.map(({ word }) => word);
  assert.ok(order.lastIndexOf('RUN') < order.indexOf('USER'));
});

test('the command that is run when none is given is one that the program takes', () => {
  assert.deepEqual(JSON.parse(all('ENTRYPOINT')[0] as string), ['node', '/opt/gatewatch/dist/main.js']);
  const command = parseArguments(JSON.parse(all('CMD').at(-1) as string) as string[]);
  assert.equal(command.command, 'run');
});

test('the health check asks the listener, and is code that Node can run', async () => {
  const [check] = all('HEALTHCHECK');
  const command = JSON.parse((check as string).replace(/^.*?CMD /, '')) as string[];
  assert.deepEqual(command.slice(0, 2), ['node', '-e']);
  assert.match(command[2] as string, /^fetch\('http:\/\/127\.0\.0\.1:7407\/v1\/health'\)/);
  const run = new Function('fetch', 'process', command[2] as string);
  const exit = (answer: () => Promise<unknown>) =>
    new Promise((resolve) => run(answer, { exit: (code: number) => resolve(code) }));
  assert.equal(await exit(async () => ({ ok: true })), 0);
  assert.equal(await exit(async () => ({ ok: false })), 1);
  assert.equal(await exit(async () => Promise.reject(new Error('nobody listens'))), 1);
});

test('every file that is copied is there, and secrets and data stay out of the build', () => {
  for (const rest of all('COPY').filter((one) => !one.startsWith('--from'))) {
    for (const path of rest.split(' ').slice(0, -1)) assert.ok(existsSync(join(root, path)), path);
  }
  const ignored = new Set(read('.dockerignore').split('\n'));
  for (const path of ['.git', '.env', 'node_modules', 'gatewatch-data', '*.key', '*.pem'])
    assert.ok(ignored.has(path), path);
  for (const { word, rest } of instructions) {
    if (word === 'ENV' || word === 'ARG') assert.doesNotMatch(rest, /KEY|TOKEN|PASSWORD|SECRET/);
  }
});
