import type { FormatSettings } from '../ingest/formats/registry.ts';
import { createLineMaker } from '../ingest/line-maker.ts';
import { createPseudonymizer, PSEUDONYM_KEY_BYTES } from '../ingest/pseudonym.ts';
import { chooseFormat, type SourceFormat } from '../ingest/source-format.ts';
import { readChunks } from '../ingest/sources/chunks.ts';
import type { Clock } from '../platform/ports.ts';
import { terminalText } from '../platform/terminal-text.ts';
import { DEFAULT_TENANT } from '../schemas/identity.ts';
import type { Policy } from '../schemas/policy.ts';
import { sourceIdOf } from '../schemas/source-id.ts';
import { createClearIdentities } from './clear-identities.ts';
import type { ReplayCommand } from './command.ts';
import { decisionJson, findingsText, showPseudonym } from './findings.ts';
import { createProgress, type ProgressTarget } from './progress.ts';
import { createReplayPass, type ReplayTotals } from './replay-pass.ts';

/** Identities shown as text. */
const SHOWN_MAX = 20;

/**
 * Key of a replay's pseudonyms: the same everywhere, so that the same input gives the same bytes. It hides names from a
 * glance and from nobody who guesses them; nothing of a replay is stored.
 */
const REPLAY_KEY = new Uint8Array(PSEUDONYM_KEY_BYTES);

export interface Streams {
  out(text: string): void;
  readonly err: ProgressTarget;
}

/** `gatewatch replay`: reads logs at full speed and prints what the detector finds. Throws GatewatchError. */
export async function replay(
  command: ReplayCommand,
  settings: FormatSettings,
  policy: Policy,
  clock: Clock,
  { out, err }: Streams,
): Promise<void> {
  const clear = command.clear ? createClearIdentities() : null;
  const line = createLineMaker({
    pseudonyms: createPseudonymizer({ key: REPLAY_KEY, tenant: DEFAULT_TENANT }),
    partitions: command.partitions,
    trustedProxies: [],
    clamped: () => {},
    ...(clear === null ? {} : { onPseudonym: clear.onPseudonym }),
  });
  const pass = createReplayPass({ partitions: command.partitions, line, policy });
  const started = clock.now();
  for (const file of command.files) await readFile(file);
  const totals = pass.finish();
  const seconds = (clock.now() - started) / 1000;

  const show = clear === null ? showPseudonym : clear.show;
  if (command.json) for (const decision of totals.decisions) out(`${decisionJson(decision, show)}\n`);
  else if (totals.decisions.length > 0) out(`${findingsText(totals.decisions, show, SHOWN_MAX).trimStart()}\n`);
  else out('Nothing was found that these identities do not usually do.\n');
  err.write(summaryText(totals, pass.identities(), seconds));

  async function readFile(file: string): Promise<void> {
    const source = sourceIdOf(file);
    let chosen: SourceFormat | null = null;
    let progress: ReturnType<typeof createProgress> | null = null;
    let lines = 0;
    for await (const chunk of readChunks(file)) {
      if (chosen === null) {
        chosen = chooseFormat(command.format, settings, chunk.bytes);
        err.write(`${terminalText(file)}: ${chosen.explanation}\n`);
        progress = createProgress({ target: err, clock, totalBytes: chunk.inputTotal });
      }
      lines = pass.read(chunk.bytes, chosen.format, source, chunk.position);
      progress?.update(chunk.inputBytes, lines);
    }
    progress?.finish();
    if (chosen === null) err.write(`${terminalText(file)}: empty\n`);
  }
}

/** What was read and decided, for people. */
export function summaryText(totals: ReplayTotals, identities: number, seconds: number): string {
  const reasons = (counts: ReadonlyMap<string, number>) =>
    [...counts].map(([reason, count]) => `${count} ${reason}`).join(', ');
  const byAction = new Map<string, number>();
  for (const { action } of totals.decisions) byAction.set(action, (byAction.get(action) ?? 0) + 1);
  const rate = seconds > 0 ? Math.round(totals.events / seconds).toLocaleString('en') : '-';
  const lines = [
    `${totals.lines} lines: ${totals.events} events of ${identities} identities, ${rate} events/s`,
    totals.dropped.size > 0 ? `passed over: ${reasons(totals.dropped)}` : '',
    totals.ownerless > 0
      ? `of nobody: ${totals.ownerless} events name neither an identity nor an address; they are not judged`
      : '',
    totals.deadLettered.size > 0 ? `not readable: ${reasons(totals.deadLettered)} (explain-line shows why)` : '',
    totals.decisions.length > 0 ? `decisions: ${reasons(byAction)}` : 'decisions: none',
  ];
  return `${lines.filter((text) => text !== '').join('\n')}\n`;
}
