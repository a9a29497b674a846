/**
 * Runs the test files under dist/test with node's own runner, then names what could not be tested here.
 * Arguments: path parts that a file's path must contain (any of them); none = all.
 * `--node PATH` runs the tests under another Node binary, `--without PART` leaves out files (may stand several times).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kafkaPresent } from './support/kafka/installation.ts';
import { startBroker } from './support/kafka-broker.ts';

const args = process.argv.slice(2);
const at = args.indexOf('--node');
const node = at < 0 ? process.execPath : (args.splice(at, 2)[1] as string);
const without: string[] = [];
for (let i = args.indexOf('--without'); i >= 0; i = args.indexOf('--without')) {
  without.push(args.splice(i, 2)[1] as string);
}
const root = join(import.meta.dirname);
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.js'))
  .filter((name) => !without.some((part) => name.includes(part)))
  .filter((name) => args.length === 0 || args.some((part) => name.includes(part)))
  .sort()
  .map((name) => join(root, name));
if (files.length === 0) {
  console.error(`no test file matches: ${args.join(' ')}`);
  process.exit(1);
}
// Files that share a Kafka broker find it by GATEWATCH_TEST_KAFKA; otherwise each would start one of its own.
const sharing = files.filter((file) => readFileSync(file, 'utf8').includes('sharedBroker('));
const given = process.env.GATEWATCH_TEST_KAFKA !== undefined;
const broker = sharing.length > 1 && !given && kafkaPresent() ? await startBroker() : null;
const report = join(mkdtempSync(join(tmpdir(), 'gatewatch-test-')), 'missing');
const run = spawnSync(node, ['--test', '--test-reporter=spec', ...files], {
  stdio: 'inherit',
  env: {
    ...process.env,
    GATEWATCH_TEST_MISSING: report,
    ...(broker === null ? {} : { GATEWATCH_TEST_KAFKA: broker.brokers.join(',') }),
  },
});
await broker?.dispose();
if (existsSync(report)) {
  const missing = [...new Set(readFileSync(report, 'utf8').trim().split('\n'))];
  console.error(`\nNOT TESTED HERE, because this machine lacks:\n${missing.map((m) => `  - ${m}`).join('\n')}`);
}
process.exit(run.status ?? 1);
