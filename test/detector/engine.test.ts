import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDraws } from '../../bench/eval/draws.ts';
import { DEFAULT_PRIORS } from '../../detector/data/default-priors.ts';
import { ROOT_CALIBRATION } from '../../detector/data/root-calibration.ts';
import { createEngine, type Engine } from '../../detector/engine.ts';
import { type Decision, decisionId } from '../../schemas/decision.ts';
import { DEFAULT_POLICY } from '../../schemas/policy.ts';
import { type TestEvent, testBlocks, testPseudonym } from '../support/event-blocks.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A Monday. */
const START = Date.UTC(2026, 5, 1);

const versions = { priors: DEFAULT_PRIORS.version, calibration: ROOT_CALIBRATION.version };
const engine = (rowsMax = 10_000): Engine =>
  createEngine({ priors: [DEFAULT_PRIORS], calibrations: [ROOT_CALIBRATION], rowsMax });

function run(events: readonly TestEvent[], partitions = 1, cut = 100): Decision[] {
  const decisions: Decision[] = [];
  for (const blocks of testBlocks(events, { partitions, cut, versions })) {
    const detector = engine();
    for (const block of blocks) detector.apply(block, (decision) => decisions.push(decision));
  }
  return decisions.sort((a, b) => a.timeMs - b.timeMs || (a.id < b.id ? -1 : 1));
}

/** Working days of one person: some requests in most hours of the day, a few objects, one network. */
function history(who: string, days: number, seed = 1): TestEvent[] {
  const draws = createDraws(seed);
  const events: TestEvent[] = [];
  for (let day = 0; day < days; day++) {
    for (let hour = 8; hour < 18; hour++) {
      const count = 5 + draws.below(20);
      const minute = draws.below(50);
      for (let i = 0; i < count; i++) {
        const timeMs = START + day * DAY + hour * HOUR + minute * MINUTE + i * 20_000;
        events.push({ timeMs, who, object: 1 + draws.below(15), route: `/v1/r${draws.below(4)}` });
      }
    }
  }
  return events;
}

/** From `atMs` on: `perMinute` requests a minute, each for another object, from another network and program. */
function theft(who: string, atMs: number, minutes: number, perMinute: number): TestEvent[] {
  return Array.from({ length: minutes * perMinute }, (_, i) => ({
    timeMs: atMs + Math.floor((i * MINUTE) / perMinute),
    who,
    object: (1_000 + Math.imul(i, 0x9e3779b1)) >>> 0,
    route: '/v1/exports/{id}',
    network: '198.51.100.0/24',
    agent: 'python-requests',
    status: i % 10 === 9 ? 403 : 200,
  }));
}

test('ordinary days of many people lead to nothing above observe', () => {
  const events = Array.from({ length: 40 }, (_, i) => history(`person-${i}`, 10, i + 1))
    .flat()
    .sort((a, b) => a.timeMs - b.timeMs);
  assert.deepEqual(
    run(events).filter((d) => d.action !== 'observe'),
    [],
  );
});

test('a stolen token used from elsewhere to enumerate objects rises to a revocation within twelve minutes, with reasons', () => {
  const attackAt = START + 9 * DAY + 20 * HOUR;
  const decisions = run([...history('alice', 9), ...theft('alice', attackAt, 30, 60)]);
  const actions = decisions.filter((d) => d.timeMs >= attackAt).map((d) => d.action);
  assert.ok(actions.includes('revoke_session') || actions.includes('revoke_credential'), `${actions}`);
  const revocation = decisions.find(
    (d) => d.action === 'revoke_session' || d.action === 'revoke_credential',
  ) as Decision;
  assert.ok(revocation.timeMs - attackAt <= 12 * MINUTE, `${(revocation.timeMs - attackAt) / MINUTE} minutes`);
  assert.ok(revocation.reasons.length >= 2);
  assert.equal(revocation.identity, testPseudonym('alice'));
  const order = ['observe', 'notify', 'throttle', 'revoke_session', 'revoke_credential'];
  const levels = actions.map((action) => order.indexOf(action));
  assert.deepEqual(
    levels,
    [...levels].sort((a, b) => a - b),
    'the level only rises while the attack lasts',
  );
  assert.equal(new Set(actions).size, actions.length, 'no level is decided twice');
});

test('without five days and twenty active hours of its own nothing beyond notify is decided', () => {
  const attackAt = START + 3 * DAY + 20 * HOUR;
  const decisions = run([...history('bob', 3), ...theft('bob', attackAt, 60, 120)]);
  assert.ok(decisions.some((d) => d.action === 'notify'));
  assert.deepEqual(
    decisions.filter((d) => d.action !== 'observe' && d.action !== 'notify'),
    [],
  );
});

test('an address is never revoked, whatever it does', () => {
  const asAddress = (events: TestEvent[]) => events.map((event) => ({ ...event, kind: 'ip' as const }));
  const attackAt = START + 9 * DAY + 20 * HOUR;
  const decisions = run(asAddress([...history('203.0.113.9', 9), ...theft('203.0.113.9', attackAt, 60, 120)]));
  assert.ok(decisions.some((d) => d.action === 'throttle'));
  assert.ok(!decisions.some((d) => d.action.startsWith('revoke')));
});

function mixture(): TestEvent[] {
  const people = Array.from({ length: 30 }, (_, i) => history(`m-${i}`, 7, 100 + i));
  const attacks = [3, 11, 17].map((i) => theft(`m-${i}`, START + 6 * DAY + 19 * HOUR + i * MINUTE, 20, 40));
  return [...people, ...attacks].flat().sort((a, b) => a.timeMs - b.timeMs);
}

test('the same log gives the same decisions, byte for byte, on 1, 2 and 8 partitions and however blocks are cut', () => {
  const events = mixture();
  const one = JSON.stringify(run(events, 1, 100));
  assert.ok(one.length > 1_000);
  assert.equal(JSON.stringify(run(events, 2, 37)), one);
  assert.equal(JSON.stringify(run(events, 8, 1)), one);
});

test('a detector restored from a checkpoint at any block goes on as if it had never stopped', () => {
  const [blocks] = testBlocks(mixture(), { partitions: 1, cut: 200, versions }) as [Buffer[]];
  const whole: Decision[] = [];
  const first = engine();
  for (const block of blocks) first.apply(block, (d) => whole.push(d));
  for (const stopAt of [1, 2, Math.floor(blocks.length / 3), Math.floor(blocks.length / 2), blocks.length - 2]) {
    const decisions: Decision[] = [];
    const before = engine();
    for (const block of blocks.slice(0, stopAt)) before.apply(block, (d) => decisions.push(d));
    const after = engine();
    for (const row of before.takeDirtyRows()) after.restoreRow({ index: row.index, bytes: Uint8Array.from(row.bytes) });
    after.restoreMeta(before.meta());
    for (const block of blocks.slice(stopAt)) after.apply(block, (d) => decisions.push(d));
    assert.equal(JSON.stringify(decisions), JSON.stringify(whole));
  }
});

test('blocks that come again, cut anew, change nothing', () => {
  const events = mixture();
  const cut = (size: number) => (testBlocks(events, { partitions: 1, cut: size, versions }) as [Buffer[]])[0];
  const once: Decision[] = [];
  const plain = engine();
  for (const block of cut(100)) plain.apply(block, (d) => once.push(d));
  const twice: Decision[] = [];
  const repeated = engine();
  const again = cut(70);
  cut(100).forEach((block, i) => {
    repeated.apply(block, (d) => twice.push(d));
    for (const old of again.slice(1, Math.floor((i * 100) / 70))) repeated.apply(old, (d) => twice.push(d));
  });
  assert.equal(JSON.stringify(twice), JSON.stringify(once));
});

test("the decision's id is the hash of what it says it is", () => {
  const [decision] = run([...history('alice', 9), ...theft('alice', START + 9 * DAY, 5, 60)]) as [Decision];
  const { tenant, kind, identity, source, position, action } = decision;
  assert.equal(decision.id, decisionId(tenant, kind, identity, source, position, action));
  assert.equal(decision.mode, DEFAULT_POLICY.mode);
});

test('an event at most two minutes older than the newest counts in the open tick; an older one is left out and counted', () => {
  const detector = engine();
  const events: TestEvent[] = [
    { who: 'x', timeMs: START + 10 * MINUTE },
    { who: 'x', timeMs: START + 9 * MINUTE },
    { who: 'x', timeMs: START + 7 * MINUTE },
  ];
  for (const block of (testBlocks(events, { partitions: 1, versions }) as [Buffer[]])[0])
    detector.apply(block, () => {});
  assert.equal(detector.counters().late, 1);
});

test('a log that names data this program does not have is refused, and says what helps', () => {
  const detector = engine();
  const [[control]] = testBlocks([], { partitions: 1, versions: { priors: 999, calibration: 1 } }) as [[Buffer]];
  assert.throws(() => detector.apply(control, () => {}), /priors 999.*run the version that wrote the log/);
});
