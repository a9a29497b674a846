import { randomUUID } from 'node:crypto';
import type { LogReader } from './log-reader.ts';
import type { Outgoing } from './producer.ts';

/** Keys of the marks topic that are no marks. */
export const GENERATION_PREFIX = 'bus/generation/';

/**
 * Names the logs: whoever comes first does. Each candidate has a key of its own, so that compaction keeps all of them; the
 * one with the lowest offset counts for everybody: whoever decided alone did so on it, since the others came behind.
 */
export async function agreeOnGeneration(
  reader: LogReader,
  topic: string,
  send: (records: readonly Outgoing[]) => Promise<void>,
): Promise<string> {
  const known = await firstGeneration(reader, topic);
  if (known !== null) return known;
  const candidate = randomUUID();
  const key = Buffer.from(GENERATION_PREFIX + candidate);
  await send([{ topic, partition: 0, key, value: Buffer.from(candidate) }]);
  return (await firstGeneration(reader, topic)) ?? candidate;
}

async function firstGeneration(reader: LogReader, topic: string): Promise<string | null> {
  const { start, end } = await reader.bounds(topic, 0);
  let first: string | null = null;
  await reader.read(
    topic,
    0,
    start,
    end,
    (records) => {
      const found = records.find(({ key }) => key?.toString().startsWith(GENERATION_PREFIX));
      first ??= found?.value?.toString() ?? null;
    },
    () => first !== null,
  );
  return first;
}
