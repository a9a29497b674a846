#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { startApp } from './app.ts';
import { noProblemsText, problemsText } from './cli/check-config-output.ts';
import { deadLetter } from './cli/dead-letter.ts';
import { demo } from './cli/demo.ts';
import { EXIT, type ExitCode } from './cli/exit-codes.ts';
import { explainLine } from './cli/explain-line.ts';
import { parseArguments, usageErrorText } from './cli/parse-arguments.ts';
import { replay, type Streams } from './cli/replay.ts';
import { run } from './cli/run.ts';
import { usageText } from './cli/usage.ts';
import type { Problem } from './config/problem.ts';
import { DEFAULT_CONFIG_FILE, readConfig, readMapping, readPolicy } from './config.ts';
import type { FormatSettings } from './ingest/formats/registry.ts';
import { systemClock } from './platform/clock.ts';
import { GatewatchError } from './schemas/errors.ts';
import { DEFAULT_POLICY } from './schemas/policy.ts';

const streams: Streams = { out: (text) => process.stdout.write(text), err: process.stderr };

/** Settings that cannot be used: the problems are printed and the exit code says so. */
class Unusable extends Error {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super('settings cannot be used');
    this.problems = problems;
  }
}

function settled<T extends object>(result: T | { readonly problems: readonly Problem[] }): T {
  if ('problems' in result) throw new Unusable(result.problems);
  return result;
}

function formatSettings(command: { mapping: string | null; zoneOffsetMinutes: number | null }): FormatSettings {
  return {
    ...(command.mapping === null ? {} : { mapping: settled(readMapping(command.mapping)).mapping }),
    ...(command.zoneOffsetMinutes === null ? {} : { zoneOffsetMinutes: command.zoneOffsetMinutes }),
  };
}

/** Where the program's own files are: the folder of package.json, above the compiled one. */
function packageFolder(): string {
  return join(import.meta.dirname, '..');
}

async function main(words: readonly string[]): Promise<ExitCode> {
  const command = parseArguments(words);
  switch (command.command) {
    case 'help':
      streams.out(usageText(command.topic));
      return EXIT.ok;
    case 'version':
      streams.out('gatewatch 0.1.0\n');
      return EXIT.ok;
    case 'usage-error':
      streams.err.write(usageErrorText(command));
      return EXIT.usage;
    case 'check-config': {
      settled(readConfig(command.file));
      streams.out(noProblemsText(command.file ?? (existsSync(DEFAULT_CONFIG_FILE) ? DEFAULT_CONFIG_FILE : null)));
      return EXIT.ok;
    }
    case 'replay': {
      const policy = command.policy === null ? DEFAULT_POLICY : settled(readPolicy(command.policy)).policy;
      await replay(command, formatSettings(command), policy, systemClock, streams);
      return EXIT.ok;
    }
    case 'explain-line':
      await explainLine(command, formatSettings(command), streams);
      return EXIT.ok;
    case 'run':
      return run(startApp, settled(readConfig(command.config)).config, command.roles, systemClock, streams);
    case 'demo':
      return demo(
        startApp,
        settled(readConfig(null)).config,
        settled(readPolicy(join(packageFolder(), 'examples', 'web-log', 'policy.yaml'))).policy,
        packageFolder(),
        systemClock,
        streams,
      );
    case 'dead-letter':
      await deadLetter(command, settled(readConfig(command.config)).config, systemClock, streams);
      return EXIT.ok;
  }
}

// A reader that went away (`gatewatch replay ... | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failure),
);

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof Unusable) {
    streams.err.write(problemsText(error.problems));
    process.exitCode = EXIT.usage;
  } else if (error instanceof GatewatchError) {
    streams.err.write(`gatewatch: ${error.message}\n`);
    process.exitCode = error.code === 'config_invalid' ? EXIT.usage : EXIT.failure;
  } else throw error;
}
