import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noProblemsText, problemsText } from '../../cli/check-config-output.ts';

const problem = { file: 'gw.yaml', line: 3, column: 7, path: 'listen.port', message: 'must be text', fix: 'port: 1' };

test('a problem is file:line:col: path: message, and below it what to write', () => {
  const whole = { ...problem, line: 1, column: 1, path: '', message: 'a tab', fix: 'spaces' };
  assert.equal(
    problemsText([problem, whole]),
    'gw.yaml:3:7: listen.port: must be text\n  write: port: 1\ngw.yaml:1:1: a tab\n  write: spaces\n2 problems\n',
  );
  assert.ok(problemsText([problem]).endsWith('\n1 problem\n'));
});

test('nothing from the file can move the cursor or forge a line', () => {
  const text = problemsText([{ ...problem, path: 'a\nb:1:1: forged', message: '\u001b[2J', fix: 'x\ry' }]);
  assert.equal(text.split('\n').length, 4);
  assert.ok(!text.includes('\u001b') && !text.includes('\r'));
});

test('without problems it says which settings are in effect', () => {
  assert.equal(noProblemsText('gw.yaml'), 'gw.yaml: no problems\n');
  assert.match(noProblemsText(null), /defaults/);
});
