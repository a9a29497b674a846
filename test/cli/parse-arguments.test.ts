import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { COMMANDS, type Command } from '../../cli/command.ts';
import { parseArguments, usageErrorText } from '../../cli/parse-arguments.ts';

const parse = (line: string): Command => parseArguments(line.split(' ').filter((word) => word !== ''));

test('replay takes files and has a default for everything else', () => {
  assert.deepEqual(parse('replay a.log -'), {
    command: 'replay',
    files: ['a.log', '-'],
    format: 'auto',
    mapping: null,
    policy: null,
    zoneOffsetMinutes: null,
    partitions: 8,
    json: false,
    clear: false,
  });
});

test('replay takes its flags before, between and after files, with a blank or an equals sign', () => {
  const words =
    'replay --format=json a --mapping m.yaml --policy p.yaml b --partitions 64 --zone -03:30 --json --clear';
  assert.deepEqual(parse(words), {
    command: 'replay',
    files: ['a', 'b'],
    format: 'json',
    mapping: 'm.yaml',
    policy: 'p.yaml',
    zoneOffsetMinutes: -210,
    partitions: 64,
    json: true,
    clear: true,
  });
});

test('words after -- are files, whatever they look like', () => {
  const command = parse('replay -- --json');
  assert.deepEqual(command.command === 'replay' && [command.files, command.json], [['--json'], false]);
});

test('a mapping says that the lines are JSON', () => {
  const command = parse('replay a --mapping m.yaml');
  assert.equal(command.command === 'replay' && command.format, 'json');
});

test('the other commands read their words', () => {
  const roles = ['ingest', 'core', 'serve'];
  assert.deepEqual(parse('run'), { command: 'run', config: null, roles });
  assert.deepEqual(parse('run --config x.yaml'), { command: 'run', config: 'x.yaml', roles });
  assert.deepEqual(parse('check-config'), { command: 'check-config', file: null });
  assert.deepEqual(parse('check-config x.yaml'), { command: 'check-config', file: 'x.yaml' });
  assert.deepEqual(parse('demo'), { command: 'demo' });
  assert.deepEqual(parse('version'), { command: 'version' });
  const reading = { format: 'auto', mapping: null, zoneOffsetMinutes: null, json: true, clear: false };
  assert.deepEqual(parse('explain-line --json'), { command: 'explain-line', file: '-', ...reading });
  assert.deepEqual(parse('explain-line f --json'), { command: 'explain-line', file: 'f', ...reading });
  const letter = { command: 'dead-letter', config: null, reason: null };
  assert.deepEqual(parse('dead-letter list'), { ...letter, action: 'list', limit: 100 });
  assert.deepEqual(parse('dead-letter retry'), { ...letter, action: 'retry', limit: null });
  assert.deepEqual(parse('dead-letter list --limit 5 --reason too_deep --config c'), {
    command: 'dead-letter',
    action: 'list',
    config: 'c',
    limit: 5,
    reason: 'too_deep',
  });
});

test('run takes roles in any order and gives them in one', () => {
  const roles = (line: string) => {
    const command = parse(line);
    return command.command === 'run' ? command.roles : null;
  };
  assert.deepEqual(roles('run --roles core'), ['core']);
  assert.deepEqual(roles('run --roles serve,core'), ['core', 'serve']);
  assert.deepEqual(roles('run --roles=serve,ingest,core'), ['ingest', 'core', 'serve']);
});

test('help is found without a command, as a command, and as a flag anywhere', () => {
  for (const line of ['', 'help', '--help', '-h']) assert.deepEqual(parse(line), { command: 'help', topic: null });
  for (const name of COMMANDS) {
    assert.deepEqual(parse(`help ${name}`), { command: 'help', topic: name });
    assert.deepEqual(parse(`${name} --help`), { command: 'help', topic: name });
  }
  assert.deepEqual(parse('replay a --json -h'), { command: 'help', topic: 'replay' });
  for (const line of ['--version', '-v']) assert.deepEqual(parse(line), { command: 'version' });
});

test('what cannot be carried out is a usage error with what to type instead', () => {
  const cases: [string, RegExp, string][] = [
    ['rplay a', /unknown command "rplay"/, 'gatewatch replay'],
    ['explain a', /unknown command/, 'gatewatch help'],
    ['--json replay a', /the command comes first/, 'gatewatch help'],
    ['replay', /needs a file/, 'gatewatch help replay'],
    ['replay - -', /- is given twice/, 'gatewatch help replay'],
    ['replay a --fromat nginx', /no option "--fromat"/, '--format'],
    ['replay a -x', /no option "-x"/, 'gatewatch help replay'],
    ['replay a --constructor x', /no option "--constructor"/, 'gatewatch help replay'],
    ['replay a --format ngnix', /unknown format "ngnix"/, '--format nginx'],
    ['replay a --format', /--format needs a value/, 'gatewatch help replay'],
    ['replay a --format --json', /--format needs a value/, 'gatewatch help replay'],
    ['replay a --policy=', /--policy needs a value/, 'gatewatch help replay'],
    ['replay a --json=yes', /--json takes no value/, '--json'],
    ['replay a --json --json', /given twice/, 'gatewatch help replay'],
    ['replay a --partitions 0', /whole number from 1 to 64/, 'gatewatch help replay'],
    ['replay a --partitions 65', /whole number from 1 to 64/, 'gatewatch help replay'],
    ['replay a --partitions 1.5', /whole number from 1 to 64/, 'gatewatch help replay'],
    ['replay a --zone Europe/Berlin', /--zone must be UTC or an offset/, '--zone +01:00'],
    ['replay a --mapping m --format nginx', /--mapping is for JSON/, '--format json'],
    ['run x.yaml', /run has no use for "x.yaml"/, 'gatewatch help run'],
    ['run --roles cor', /unknown role "cor"/, '--roles core'],
    ['run --roles detector', /unknown role/, '--roles ingest|core|serve'],
    ['run --roles core,', /unknown role ""/, '--roles ingest|core|serve'],
    ['run --roles core,core', /names a role twice/, 'gatewatch help run'],
    ['run --roles', /--roles needs a value/, 'gatewatch help run'],
    ['demo --roles core', /demo has no option/, 'gatewatch help demo'],
    ['run --config', /--config needs a value/, 'gatewatch help run'],
    ['explain-line a b', /no use for "b"/, 'gatewatch help explain-line'],
    ['dead-letter', /list or retry/, 'gatewatch help dead-letter'],
    ['dead-letter lst', /unknown action "lst"/, 'gatewatch dead-letter list'],
    ['dead-letter list --reason to_deep', /unknown reason/, '--reason too_deep'],
    ['help runn', /unknown command "runn"/, 'gatewatch help run'],
    ['demo --json', /demo has no option/, 'gatewatch help demo'],
  ];
  for (const [line, message, hint] of cases) {
    const command = parse(line);
    assert.ok(command.command === 'usage-error', line);
    assert.match(command.message, message, line);
    assert.equal(command.hint, hint, line);
  }
});

test('a usage error is printed on two lines, whatever was typed', () => {
  const command = parseArguments(['re\nplay\u001b[2J']);
  assert.ok(command.command === 'usage-error');
  const text = usageErrorText(command);
  assert.equal(text.split('\n').length, 3);
  assert.ok(!text.includes('\u001b'));
});

test('no words make it throw', () => {
  const word = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.constantFrom(
      ...COMMANDS,
      'list',
      'retry',
      '-',
      '--',
      '--json',
      '--format',
      '--zone',
      '--partitions',
      '--limit',
      '3',
      'nginx',
    ),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (words) => {
      const { command } = parseArguments(words);
      assert.ok(command === 'usage-error' || COMMANDS.includes(command));
    }),
  );
});
