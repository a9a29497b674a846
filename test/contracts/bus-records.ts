import type { BusRecord } from '../../platform/ports.ts';
import type { Topic } from '../../schemas/topics.ts';

export function record(topic: Topic, partition: number, value: string | Buffer) {
  return { topic, partition, value: Buffer.from(value) };
}

export function event(partition: number, text: string) {
  return record('events', partition, text);
}

/** Records as `offset:text`. */
export function texts(records: readonly BusRecord[]): string[] {
  return records.map(({ offset, value }) => `${offset}:${value}`);
}
