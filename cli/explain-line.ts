import { createClientAddress } from '../ingest/client-address.ts';
import { explainOutcome, explanationText } from '../ingest/explain.ts';
import type { FormatSettings } from '../ingest/formats/registry.ts';
import { createPseudonymizer, PSEUDONYM_KEY_BYTES } from '../ingest/pseudonym.ts';
import { redactPath, redactQuery } from '../ingest/redact.ts';
import { chooseFormat, type SourceFormat } from '../ingest/source-format.ts';
import { readChunks } from '../ingest/sources/chunks.ts';
import type { AccessRecord } from '../schemas/event.ts';
import { DEFAULT_TENANT } from '../schemas/identity.ts';
import type { Outcome } from '../schemas/outcome.ts';
import type { ExplainLineCommand } from './command.ts';
import type { Streams } from './replay.ts';

/** `gatewatch explain-line`: shows how each line of the input is read. Throws GatewatchError. */
export async function explainLine(
  command: ExplainLineCommand,
  settings: FormatSettings,
  { out, err }: Streams,
): Promise<void> {
  const { pseudonym } = createPseudonymizer({ key: new Uint8Array(PSEUDONYM_KEY_BYTES), tenant: DEFAULT_TENANT });
  const rules = {
    show: command.clear
      ? ({ value }: { value: string }) => value
      : ({ kind, value }: { kind: Parameters<typeof pseudonym>[0]; value: string }) => pseudonym(kind, value),
    redactPath: command.clear ? (path: string) => path : redactPath,
    redactQuery: command.clear ? (query: string) => query : redactQuery,
    clientAddress: createClientAddress([]),
  };
  let chosen: SourceFormat | null = null;
  for await (const { bytes } of readChunks(command.file)) {
    if (chosen === null) {
      chosen = chooseFormat(command.format, settings, bytes);
      err.write(`${chosen.explanation}\n`);
    }
    for (let from = 0; from < bytes.length; ) {
      const newline = bytes.indexOf(10, from);
      const end = newline < 0 ? bytes.length : newline;
      const outcome: Outcome<AccessRecord> = chosen.format.parse(bytes.toString('utf8', from, end).replace(/\r$/, ''));
      const explanation = explainOutcome(outcome, rules);
      out(command.json ? `${JSON.stringify(explanation)}\n` : `${explanationText(explanation)}\n`);
      from = end + 1;
    }
  }
}
