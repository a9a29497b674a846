import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMMANDS } from '../../cli/command.ts';
import { EXIT } from '../../cli/exit-codes.ts';
import { parseArguments } from '../../cli/parse-arguments.ts';
import { usageText } from '../../cli/usage.ts';

test('the overview names every command and every exit code', () => {
  const overview = usageText(null);
  for (const command of COMMANDS) assert.match(overview, new RegExp(`^ {2}${command}\\b`, 'm'));
  for (const code of Object.values(EXIT)) assert.match(overview, new RegExp(`^ {2}${code} {2}\\w`, 'm'));
});

test('every example in the help texts is a command line that is accepted', () => {
  let examples = 0;
  for (const topic of [null, ...COMMANDS]) {
    const [, shown = ''] = usageText(topic).split(/^Examples?:$/m);
    for (const line of shown.split('\n').filter((text) => text.includes('gatewatch '))) {
      const typed = line.slice(line.indexOf('gatewatch ') + 'gatewatch '.length).split(' > ')[0] ?? '';
      const command = parseArguments(typed.trim().split(' '));
      assert.notEqual(command.command, 'usage-error', line);
      examples += 1;
    }
  }
  assert.ok(examples > COMMANDS.length, `${examples}`);
});

test('every option in the help text of a command is accepted by it, and lines fit a terminal of 120 columns', () => {
  for (const topic of COMMANDS) {
    const text = usageText(topic);
    for (const [, flag = '', value] of text.matchAll(/^ {2}(--[a-z]+)( [A-Z]+)? {2}/gm)) {
      const words = { 'dead-letter': ['list'], replay: ['x'] }[topic as string] ?? [];
      const sample =
        { '--zone': 'UTC', '--reason': 'too_deep', '--format': 'json', '--roles': 'core,serve' }[flag] ?? '7';
      const typed = [topic, ...words, flag, ...(value === undefined ? [] : [sample])];
      assert.notEqual(parseArguments(typed).command, 'usage-error', typed.join(' '));
    }
    for (const line of text.split('\n')) assert.ok(line.length <= 120, line);
  }
});
