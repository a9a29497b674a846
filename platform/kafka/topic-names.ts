import type { Topic } from '../../schemas/topics.ts';

/** Topics of the bus, and the compacted ones beside it. */
export type KafkaTopic = Topic | 'marks' | 'detector-state';

/** Version of what stands on the topics: a new one lives beside the old one. */
const VERSION = 'v1';

export function topicName(prefix: string, topic: KafkaTopic): string {
  return `${prefix}.${topic}.${VERSION}`;
}

/** A group for each topic: Kafka shares all topics of a group out among all of its members, also those that read only one. */
export function groupName(prefix: string, group: string, topic: KafkaTopic): string {
  return `${prefix}-${group}-${topic}`;
}
