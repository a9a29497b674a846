import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { decisionJson, showPseudonym } from '../cli/findings.ts';
import { createReplayPass } from '../cli/replay-pass.ts';
import { formatByName } from '../ingest/formats/registry.ts';
import { createLineMaker } from '../ingest/line-maker.ts';
import { createPseudonymizer } from '../ingest/pseudonym.ts';
import { DEFAULT_POLICY } from '../schemas/policy.ts';
import { cpuSeconds, parseFloor } from './floor.ts';
import { IDENTITIES, syntheticLog } from './synthetic-log.ts';

const SOURCE = '7';
const round = (value: number, digits = 3) => Number(value.toFixed(digits));

function newPass(partitions: number) {
  const pseudonyms = createPseudonymizer({ key: new Uint8Array(32), tenant: 'default' });
  const line = createLineMaker({ pseudonyms, partitions, trustedProxies: [], clamped: () => {} });
  return createReplayPass({ partitions, line, policy: DEFAULT_POLICY });
}

/** Replay, parse to decision, against JSON.parse alone; both over the same chunks, in turns. */
export function replayRatio(lines: number, rounds: number): Record<string, unknown> {
  const chunks = Array.from(syntheticLog(lines), (chunk) => Buffer.from(chunk));
  const results = Array.from({ length: rounds }, () => {
    const floor = parseFloor(chunks);
    const started = cpuSeconds();
    const pass = newPass(8);
    const format = formatByName('json');
    let position = 0;
    for (const chunk of chunks) {
      pass.read(chunk, format, SOURCE, position);
      position += chunk.length;
    }
    const totals = pass.finish();
    if (totals.events !== lines) throw new Error(`${totals.events} events of ${lines} lines`);
    return { floor: floor.cpuSeconds, replay: cpuSeconds() - started };
  });
  const ratios = results.map(({ floor, replay }) => floor / replay).sort((a, b) => a - b);
  const [last] = results.slice(-1) as [{ floor: number; replay: number }];
  return {
    goal: 'at least 0.12',
    ratio: round(ratios[Math.floor(ratios.length / 2)] as number),
    ratios: ratios.map((ratio) => round(ratio)),
    parse_us: round((last.floor / lines) * 1e6, 2),
    replay_us: round((last.replay / lines) * 1e6, 2),
    lines,
  };
}

/** A value of /proc/self/status in bytes; null where there is no such file. */
function processBytes(field: 'RssAnon' | 'VmRSS'): number | null {
  try {
    const text = readFileSync('/proc/self/status', 'utf8');
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) * 1024;
  } catch {
    return null;
  }
}

/** Replays a log that is made on the way and reports memory at the given line counts. */
export function replayMemory(lines: number, looks: readonly number[]): Record<string, unknown> {
  const pass = newPass(8);
  const format = formatByName('json');
  const log = syntheticLog(lines);
  // The input buffer is there before the start is measured: it belongs to no identity.
  const first = log.next().value as Buffer;
  globalThis.gc?.();
  const before = processBytes('RssAnon');
  const seen: { lines: number; anonymous: number | null; resident: number | null; identities: number }[] = [];
  let position = 0;
  let read = 0;
  for (let chunk: Buffer | undefined = first; chunk !== undefined; chunk = log.next().value ?? undefined) {
    read = pass.read(chunk, format, SOURCE, position);
    position += chunk.length;
    const next = looks[seen.length];
    if (next !== undefined && read >= next) {
      globalThis.gc?.();
      const identities = pass.identities();
      seen.push({ lines: read, anonymous: processBytes('RssAnon'), resident: processBytes('VmRSS'), identities });
    }
  }
  return { before_bytes: before, identities_named: IDENTITIES, seen };
}

/** SHA-256 of all decisions of the attack log on so many partitions. */
export function decisionHash(partitions: number, lines: number): { sha256: string; decisions: number } {
  const pass = newPass(partitions);
  const format = formatByName('json');
  let position = 0;
  // Few identities, so that each has much to do and decisions arise.
  for (const chunk of syntheticLog(lines, 500)) {
    pass.read(chunk, format, SOURCE, position);
    position += chunk.length;
  }
  const { decisions } = pass.finish();
  const hash = createHash('sha256');
  for (const decision of decisions) hash.update(decisionJson(decision, showPseudonym));
  return { sha256: hash.digest('hex'), decisions: decisions.length };
}
