import type { Admin } from 'kafkajs';
import { isMoving } from './bus-error.ts';
import { CLIENT_RETRY } from './connect.ts';

/** Committed offset by partition; partitions that the group never committed are left out. */
export type GroupOffsets = ReadonlyMap<number, number>;

/** What a group has committed of a topic. The client does not wait for a coordinator that has just come up; this does. */
export async function fetchGroupOffsets(admin: Admin, groupId: string, topic: string): Promise<GroupOffsets> {
  for (let attempt = 0; ; attempt++) {
    try {
      const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
      const pairs = (found?.partitions ?? []).map(({ partition, offset }) => [partition, Number(offset)] as const);
      return new Map(pairs.filter(([, offset]) => offset >= 0));
    } catch (error) {
      if (!isMoving(error) || attempt >= CLIENT_RETRY.retries) throw error;
      await new Promise((resolve) => setTimeout(resolve, CLIENT_RETRY.initialRetryTime * 2 ** attempt));
    }
  }
}
