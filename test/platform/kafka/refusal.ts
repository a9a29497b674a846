import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import type { KafkaBus } from '../../../platform/kafka/bus.ts';
import type { ConsumeOptions, Logger } from '../../../platform/ports.ts';
import { type ErrorCode, GatewatchError } from '../../../schemas/errors.ts';
import { type KafkaInstallation, kafkaInstallation } from '../../support/kafka-installation.ts';

/** For assert.rejects: an error of this program that may pass, whose message names what to change and no secret. */
export function refused(code: ErrorCode, words: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof GatewatchError, String(error));
    assert.equal(error.code, code, error.message);
    // Topics are mended by hand and the program started again; everything else is waited for.
    assert.equal(error.transient, code !== 'topic_unfit');
    assert.match(error.message, words);
    assert.ok(!/secret/.test(error.message), 'no secret in a message');
    return true;
  };
}

/** Runs a test with topics of its own. */
export async function withInstallation(
  brokers: readonly string[],
  run: (installation: KafkaInstallation) => Promise<void>,
): Promise<void> {
  const installation = kafkaInstallation(brokers);
  try {
    await run(installation);
  } finally {
    installation.remove();
  }
}

/** Looks again until it is so. The time limit is the test's. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await wait(20);
}

/** A log that keeps its lines with their levels. */
export function linesLog(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (level: string) => (_fields: unknown, message: string) => void lines.push(`${level} ${message}`);
  return { lines, info: keep('info'), warn: keep('warn'), error: keep('error') };
}

/** Reads `events` as a group that does nothing with them but `onRecords`. */
export function reading(
  group: string,
  onRecords: ConsumeOptions['onRecords'],
  options: Partial<ConsumeOptions> = {},
): ConsumeOptions {
  return {
    group,
    topic: 'events',
    onAssign: async () => null,
    onRecords,
    onRevoke: async () => undefined,
    ...options,
  };
}

export const event = (text: string, partition = 0) =>
  ({ topic: 'events', partition, value: Buffer.from(text) }) as const;

/** The bus says what does not work, in words that match. */
export function troubled(bus: KafkaBus, words: RegExp): Promise<void> {
  return until(() => words.test(bus.trouble() ?? ''));
}
