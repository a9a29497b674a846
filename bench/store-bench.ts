import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApp } from '../app.ts';
import { checkConfig } from '../config.ts';
import { systemClock } from '../platform/clock.ts';
import { createLog } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import { cpuSeconds, parseFloor } from './floor.ts';
import { syntheticLog } from './synthetic-log.ts';

/** The whole embedded pipeline, every event stored, against JSON.parse alone over the same lines. */
export async function storeRatio(lines: number): Promise<Record<string, unknown>> {
  const directory = mkdtempSync(join(tmpdir(), 'gatewatch-bench-'));
  try {
    const path = join(directory, 'access.ndjson');
    writeFileSync(path, '');
    const chunks = Array.from(syntheticLog(lines), (chunk) => Buffer.from(chunk));
    for (const chunk of chunks) appendFileSync(path, chunk);
    const floor = parseFloor(chunks);
    chunks.length = 0;
    const text = `
data_directory: ${join(directory, 'data')}
log_level: error
listen: { port: 0 }
sources:
  - { type: file, name: bench, path: ${path}, format: json }
`;
    const result = checkConfig(text, join(directory, 'gatewatch.yaml'), {});
    if ('problems' in result) throw new Error(JSON.stringify(result.problems));
    let failure: unknown = null;
    const started = cpuSeconds();
    const app = await startApp({
      config: result.config,
      clock: systemClock,
      log: createLog({ level: 'error', target: process.stderr, clock: systemClock }),
      metrics: createMetrics({ strict: true }),
      onFailure: (error) => {
        failure = error;
      },
    });
    await app.caughtUp();
    await app.stored();
    const spent = cpuSeconds() - started;
    const rows = await app.store?.query<{ n: string }>('SELECT count() AS n FROM events');
    await app.stop();
    if (failure !== null) throw failure;
    if (Number(rows?.[0]?.n) !== lines) throw new Error(`${JSON.stringify(rows)} rows of ${lines} lines`);
    return {
      goal: 'at least 0.07',
      ratio: Number((floor.cpuSeconds / spent).toFixed(3)),
      parse_us: Number(((floor.cpuSeconds / lines) * 1e6).toFixed(2)),
      pipeline_us: Number(((spent / lines) * 1e6).toFixed(2)),
      lines,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
