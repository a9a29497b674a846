import type { Topic } from '../../schemas/topics.ts';
import type { Bus, Consumer } from '../ports.ts';

/**
 * Reads a topic for nobody: commits what comes, so that the log may forget it after its retention. For a topic whose
 * reader is switched off; without any group a topic is kept for ever and fills the log.
 */
export function passOver(bus: Bus, topic: Topic): Promise<Consumer> {
  const group = `nobody-${topic}`;
  return bus.consume({
    group,
    topic,
    onAssign: async () => null,
    async onRecords(partition, records) {
      const last = records.at(-1);
      if (last !== undefined) await bus.commit(group, topic, partition, last.offset + 1);
    },
    onRevoke: async () => {},
  });
}
