import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { emptyRecord, LINE_MAX_BYTES } from '../../../ingest/formats/format.ts';
import { FORMAT_NAMES, formatByName } from '../../../ingest/formats/registry.ts';
import { timeInRange } from '../../../ingest/timestamps.ts';
import { IDENTITY_KINDS } from '../../../schemas/identity.ts';
import { DEAD_LETTER_REASONS, DROP_REASONS } from '../../../schemas/outcome.ts';
import { anyLine, sampleLines } from './any-line.ts';

for (const name of FORMAT_NAMES) {
  test(`${name}: no line makes the parser throw, and what comes out keeps the contract of a record`, () => {
    const format = formatByName(name);
    fc.assert(
      fc.property(anyLine, (line) => {
        const outcome = format.parse(line);
        if (outcome.type === 'drop') assert.ok(DROP_REASONS.includes(outcome.reason));
        else if (outcome.type === 'deadLetter') assert.ok(DEAD_LETTER_REASONS.includes(outcome.reason));
        else {
          const { value } = outcome;
          assert.deepEqual(Object.keys(value), Object.keys(emptyRecord()));
          assert.ok(Number.isInteger(value.timeMs) && timeInRange(value.timeMs));
          for (const text of [value.method, value.userAgent, value.host, value.requestId, value.peer, value.peerRaw]) {
            assert.ok(text === null || (text !== '' && text !== '-'));
          }
          for (const number of [value.latencyMs, value.upstreamLatencyMs, value.requestBytes, value.responseBytes]) {
            assert.ok(number === null || (Number.isFinite(number) && number >= 0));
          }
          assert.ok(value.status === null || (value.status >= 100 && value.status <= 599));
          assert.ok(value.status === null || value.statusRaw === null);
          assert.ok(value.peer === null || value.peerRaw === null);
          assert.ok(!value.path?.includes('?'));
          assert.ok(!value.badRequestLine || value.path === null);
          for (const identity of [...value.principals, ...(value.claimed === null ? [] : [value.claimed])]) {
            assert.ok(IDENTITY_KINDS.includes(identity.kind));
            assert.ok(identity.value !== '' && identity.value !== '-');
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test(`${name}: a line is read the same, whatever was read before it`, () => {
    const used = formatByName(name);
    fc.assert(
      fc.property(fc.array(anyLine, { maxLength: 3 }), anyLine, (before, line) => {
        for (const other of before) used.parse(other);
        assert.deepEqual(used.parse(line), formatByName(name).parse(line));
        assert.deepEqual(used.parse(line), formatByName(name).parse(line));
      }),
      { numRuns: 1_000 },
    );
  });

  test(`${name}: nothing of a line stays behind for the next, in any order of the samples`, () => {
    const lines = [...new Set(sampleLines), '{"time":1714719600000,"path":"/"}'];
    const fresh = lines.map((line) => structuredClone(formatByName(name).parse(line)));
    const used = formatByName(name);
    for (const before of lines) {
      for (const [i, line] of lines.entries()) {
        used.parse(before);
        assert.deepEqual(used.parse(line), fresh[i]);
      }
    }
  });

  test(`${name}: a line that is too long is refused, and blank lines are empty`, () => {
    const format = formatByName(name);
    const long = format.parse('x'.repeat(LINE_MAX_BYTES + 1));
    assert.equal(long.type === 'deadLetter' && long.reason, 'too_long');
    for (const line of ['', ' ', '\t\r\n ']) {
      const outcome = format.parse(line);
      assert.equal(outcome.type === 'drop' && outcome.reason, 'empty');
    }
  });

  test(`${name}: refusals are made once and quote nothing of the line`, () => {
    const format = formatByName(name);
    const first = format.parse('secret-in-a-bad-line');
    assert.equal(format.parse('another secret-in-a-bad-line'), first);
    assert.ok(first.type === 'deadLetter' && !first.why.includes('secret'));
    assert.ok(Object.isFrozen(first));
  });
}
