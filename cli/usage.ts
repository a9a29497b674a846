import type { CommandName } from './command.ts';
import { EXIT_CODE_WORDS } from './exit-codes.ts';

const EXIT_LINES = Object.entries(EXIT_CODE_WORDS)
  .map(([code, words]) => `  ${code}  ${words}`)
  .join('\n');

const OVERVIEW = `gatewatch learns how every identity behind an API gateway behaves, and says when one stops behaving like itself.

Usage: gatewatch COMMAND [options]

  replay FILE...           read access logs from start to end and print the decisions
  run                      watch the sources of the settings until stopped
  explain-line [FILE]      show how a log line is read, field by field
  check-config [FILE]      check the settings, all problems at once
  dead-letter list|retry   look at the lines that could not be read, or try them again
  demo                     the whole pipeline on a real log that comes with the program
  help [COMMAND]           this text, or that of a command
  version                  print the version

Examples:
  gatewatch replay /var/log/nginx/access.log
  gatewatch help replay

Exit codes:
${EXIT_LINES}
`;

const FORMAT_OPTIONS = `  --format NAME     auto (default), apache, nginx or json
  --mapping FILE    how a JSON log names its fields; without it usual names are read
  --zone OFFSET     offset from UTC of times that carry none, such as +02:00`;

const OUTPUT_OPTIONS = `  --json            one JSON object a line instead of text
  --clear           show identities as they stand in the log instead of pseudonyms`;

const TEXTS: Readonly<Record<CommandName, string>> = {
  replay: `Usage: gatewatch replay FILE... [options]

Reads the files in the given order, as one log, and prints the decisions. - is standard input. Nothing is stored.
Pseudonyms are made with a fixed key, so that the same input gives the same bytes: they hide names from a glance only.
The same log gives the same decisions, whatever the number of partitions.

${FORMAT_OPTIONS}
  --policy FILE     judge by this policy instead of the default one
  --partitions N    number of partitions, 1 to 64 (default 8)
${OUTPUT_OPTIONS}

Examples:
  gatewatch replay access.log.1 access.log
  gatewatch replay --format json --mapping fields.yaml --json kong.ndjson > decisions.ndjson
  zcat access.log.2.gz | gatewatch replay --zone +01:00 -
`,
  run: `Usage: gatewatch run [options]

Reads the sources of the settings until it is stopped (SIGTERM or SIGINT), which saves the state first.
With mode: distributed in the settings the work can be shared out among processes by their roles.

  --config FILE     settings; without it gatewatch.yaml when it is there, else the defaults
  --roles LIST      what this process does, joined by commas (default: all)
                      ingest   read the sources, listen for log shippers
                      core     detect
                      serve    store, and answer questions

Examples:
  gatewatch run
  gatewatch run --config /etc/gatewatch/gatewatch.yaml
  gatewatch run --roles ingest
  gatewatch run --roles core,serve
`,
  'explain-line': `Usage: gatewatch explain-line [FILE] [options]

Shows how each line of the file is read: its fields, its identity, or why it is refused.
Without a file, or with -, the lines come from standard input.

${FORMAT_OPTIONS}
${OUTPUT_OPTIONS}

Examples:
  tail -n 1 access.log | gatewatch explain-line
  gatewatch explain-line --format nginx --json lines.txt
`,
  'check-config': `Usage: gatewatch check-config [FILE]

Checks settings without starting anything, and prints every problem with its line and with what to write instead.
Without a file: gatewatch.yaml when it is there, else the defaults.

Examples:
  gatewatch check-config
  gatewatch check-config /etc/gatewatch/gatewatch.yaml
`,
  'dead-letter': `Usage: gatewatch dead-letter list|retry [options]

list shows lines that could not be read or stored, with the reason. retry sends them through the intake again, after the
format or the mapping was corrected; what fails again stays.

  --config FILE     settings; without it gatewatch.yaml when it is there, else the defaults
  --limit N         at most N lines (list: 100 unless said; retry: all unless said)
  --reason REASON   only lines with this reason, for example not_in_format

Examples:
  gatewatch dead-letter list --reason invalid_time
  gatewatch dead-letter retry --config /etc/gatewatch/gatewatch.yaml
`,
  demo: `Usage: gatewatch demo

Starts the pipeline of this folder on a real web log that comes with the program: prints what it finds, stores it in
./gatewatch-data, and goes on serving until it is stopped. A second start goes on where the first one was.

Example:
  gatewatch demo
`,
  help: `Usage: gatewatch help [COMMAND]

Example:
  gatewatch help replay
`,
  version: `Usage: gatewatch version

Example:
  gatewatch version
`,
};

/** Help text of a command with its options and examples, or the overview. Ends with a line end. */
export function usageText(topic: CommandName | null): string {
  return topic === null ? OVERVIEW : TEXTS[topic];
}
