import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const main = join(import.meta.dirname, '..', 'main.js');
const webLog = join(import.meta.dirname, '..', '..', 'examples', 'web-log', 'access.log.gz');
const directory = mkdtempSync(join(tmpdir(), 'gatewatch-main-'));
after(() => rmSync(directory, { recursive: true, force: true }));

function gatewatch(words: readonly string[], input = '') {
  const run = spawnSync(process.execPath, [main, ...words], { cwd: directory, input, encoding: 'utf8' });
  return { status: run.status, out: run.stdout, err: run.stderr };
}

/** An ordinary week of one key, then a night in which it is used from elsewhere for what it never did. */
function leakedKey(): string {
  const lines: string[] = [];
  const put = (timeMs: number, path: string, status: number, ip: string) =>
    lines.push(
      JSON.stringify({
        time: new Date(timeMs).toISOString(),
        method: 'GET',
        path,
        status,
        client_ip: ip,
        api_key_id: 'k1',
      }),
    );
  const start = Date.UTC(2026, 5, 1);
  for (let hour = 0; hour < 7 * 24; hour++) {
    for (let i = 0; i < 12 + (hour % 7); i++)
      put(start + hour * 3_600_000 + i * 60_000, `/v1/orders/${1000 + (i % 9)}`, 200, '192.0.2.8');
  }
  for (let i = 0; i < 3_000; i++) {
    put(
      start + (7 * 24 + 2) * 3_600_000 + i * 500,
      `/v1/accounts/${50_000 + i}`,
      i % 5 === 4 ? 403 : 200,
      '198.51.100.77',
    );
  }
  return `${lines.join('\n')}\n`;
}

test('replay gives the same bytes for the same input, on any number of partitions, and from standard input', () => {
  const path = join(directory, 'key.ndjson');
  writeFileSync(path, leakedKey());
  const first = gatewatch(['replay', '--json', path]);
  assert.equal(first.status, 0, first.err);
  assert.equal(gatewatch(['replay', '--json', '--partitions', '3', path]).out, first.out);
  const decisions = first.out
    .trim()
    .split('\n')
    .map(
      (line) => JSON.parse(line) as { identity: string; action: string; mode: string; reasons: unknown[]; id: string },
    );
  assert.ok(decisions.length >= 3, first.out);
  for (const { identity, mode, reasons, id } of decisions) {
    assert.match(identity, /^api_key:[\w-]{22}$/);
    assert.equal(mode, 'shadow');
    assert.ok(reasons.length > 0);
    assert.match(id, /^[0-9a-f]{32}$/);
  }
  assert.doesNotMatch(first.out, /k1/);
  assert.match(first.err, /lines: \d+ events of 1 identities/);
  // Position and source of a pipe are its own, so ids differ; what was decided does not.
  const piped = gatewatch(['replay', '--json', '-'], leakedKey());
  const actions = (out: string) => [...out.matchAll(/"action":"(\w+)"/g)].map((match) => match[1]);
  assert.deepEqual(actions(piped.out), actions(first.out));
  assert.match(gatewatch(['replay', '--json', '--clear', path]).out, /"identity":"api_key:k1"/);
});

test('replay reads a compressed real log, finds its format and says so', () => {
  const { status, err } = gatewatch(['replay', webLog]);
  assert.equal(status, 0, err);
  assert.match(err, /apache reads 100 of 100 lines/);
  assert.match(err, /10000 lines: 10000 events of 1753 identities/);
});

test('explain-line prints one record a line, also for lines that are no requests', () => {
  const good =
    '{"time":"2026-06-01T00:00:00Z","method":"GET","path":"/a?token=s3cr3t","status":200,"client_ip":"192.0.2.1","user":"u"}';
  const { status, out, err } = gatewatch(['explain-line', '--json', '--format', 'json', '-'], `${good}\nnot json\n\n`);
  assert.equal(status, 0, err);
  const [first, second, third] = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(first?.path, '/a');
  assert.doesNotMatch(out, /s3cr3t/);
  assert.equal(second?.malformed, true);
  assert.equal(third?.skip, true);
});

test('a wrong command line or settings file ends with exit code 2 and says what to write', () => {
  assert.equal(gatewatch(['replai']).status, 2);
  writeFileSync(join(directory, 'bad.yaml'), 'listen: { port: many }\nsuorces: []\n');
  const { status, err } = gatewatch(['check-config', 'bad.yaml']);
  assert.equal(status, 2);
  assert.match(err, /bad\.yaml:1:/);
  assert.match(err, /bad\.yaml:2:/);
  assert.match(err, /write: /);
});

test('a file that is missing or of no known format ends with exit code 1 and names it', () => {
  const missing = gatewatch(['replay', 'nowhere.log']);
  assert.equal(missing.status, 1);
  assert.match(missing.err, /nowhere\.log/);
  writeFileSync(join(directory, 'noise.log'), 'a\nb\nc\n');
  assert.equal(gatewatch(['replay', 'noise.log']).status, 1);
});
