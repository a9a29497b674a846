import assert from 'node:assert/strict';
import { test } from 'node:test';
import { METRICS } from '../../platform/metric-list.ts';
import { createMetrics } from '../../platform/metrics.ts';

test('counts add up and gauges keep the last value, per label values', async () => {
  const metrics = createMetrics({ strict: true });
  metrics.count('gatewatch_lines_total', { source: 'edge', outcome: 'accepted' }, 2);
  metrics.count('gatewatch_lines_total', { source: 'edge', outcome: 'accepted' }, 3);
  metrics.count('gatewatch_lines_total', { outcome: 'dropped', source: 'edge' }, 1);
  metrics.gauge('gatewatch_bus_bytes', {}, 10);
  metrics.gauge('gatewatch_bus_bytes', {}, 7);
  const lines = (await metrics.text()).split('\n');
  assert.ok(lines.includes('gatewatch_lines_total{source="edge",outcome="accepted"} 5'));
  assert.ok(lines.includes('gatewatch_lines_total{outcome="dropped",source="edge"} 1'));
  assert.ok(lines.includes('gatewatch_bus_bytes 7'));
});

test('every declared metric is announced with help and type before its first use', async () => {
  const text = await createMetrics({ strict: true }).text();
  for (const [name, { type, help }] of Object.entries(METRICS)) {
    assert.ok(text.includes(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`), name);
  }
  assert.match(text, /^gatewatch_events_total 0$/m);
});

test('two registries do not share values', async () => {
  const [a, b] = [createMetrics({ strict: true }), createMetrics({ strict: true })];
  a.count('gatewatch_blocks_total', {}, 4);
  assert.match(await a.text(), /^gatewatch_blocks_total 4$/m);
  assert.match(await b.text(), /^gatewatch_blocks_total 0$/m);
});

const WRONG_USES = [
  ['an unknown name', 'gatewatch_nothing_total', {}, 1],
  ['a name that every object has', 'constructor', {}, 1],
  ['a gauge as a counter', 'gatewatch_bus_bytes', {}, 1],
  ['a missing label', 'gatewatch_lines_total', { source: 'edge' }, 1],
  ['an extra label', 'gatewatch_blocks_total', { source: 'edge' }, 1],
  ['another label', 'gatewatch_dropped_total', { why: 'empty' }, 1],
  ['a negative amount', 'gatewatch_blocks_total', {}, -1],
  ['no number', 'gatewatch_blocks_total', {}, Number.NaN],
] as const;

for (const [what, name, labels, by] of WRONG_USES) {
  test(`${what} throws when strict, and otherwise is counted and changes nothing else`, async () => {
    assert.throws(() => createMetrics({ strict: true }).count(name, labels, by));
    const lenient = createMetrics({ strict: false });
    lenient.count(name, labels, by);
    const untouched = createMetrics({ strict: false });
    const expected = (await untouched.text()).replace('undeclared_total 0', 'undeclared_total 1');
    assert.equal(await lenient.text(), expected);
  });
}

test('a gauge refuses a counter, an unknown name and what is not a finite number', () => {
  const metrics = createMetrics({ strict: true });
  assert.throws(() => metrics.gauge('gatewatch_blocks_total', {}, 1));
  assert.throws(() => metrics.gauge('gatewatch_nothing', {}, 1));
  assert.throws(() => metrics.gauge('gatewatch_bus_bytes', {}, Number.POSITIVE_INFINITY));
});
