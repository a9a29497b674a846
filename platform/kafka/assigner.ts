import { createHash } from 'node:crypto';
import { AssignerProtocol, type PartitionAssigner } from 'kafkajs';

const { MemberAssignment, MemberMetadata } = AssignerProtocol;
const NAME = 'gatewatch-rendezvous';
const VERSION = 1;

/**
 * Which member reads which partition: each partition goes to the member that ranks highest for it among those that are
 * not full yet (highest random weight, Thaler and Ravishankar 1998, with a bound of ceil(partitions / members)). When a
 * member comes or goes, few partitions move but its own. The order of partitions is fixed, so the outcome is one for all.
 */
export function shareOut(members: readonly string[], partitions: readonly number[]): Map<string, number[]> {
  const most = Math.ceil(partitions.length / Math.max(1, members.length));
  const shares = new Map<string, number[]>(members.map((member) => [member, []]));
  for (const partition of [...partitions].sort((a, b) => a - b)) {
    const ranked = members
      .map((member) => ({ member, weight: weight(member, partition) }))
      .sort((a, b) => (a.weight === b.weight ? (a.member < b.member ? -1 : 1) : a.weight > b.weight ? -1 : 1));
    const taker = ranked.find(({ member }) => (shares.get(member)?.length ?? 0) < most);
    if (taker !== undefined) shares.get(taker.member)?.push(partition);
  }
  return shares;
}

function weight(member: string, partition: number): bigint {
  return createHash('sha256').update(`${partition}\n${member}`).digest().readBigUInt64BE(0);
}

/** The assigner that the group's leader runs. */
export const rendezvousAssigner: PartitionAssigner = ({ cluster }) => ({
  name: NAME,
  version: VERSION,
  async assign({ members, topics }) {
    const assignments = new Map<string, Record<string, number[]>>(members.map(({ memberId }) => [memberId, {}]));
    for (const topic of topics) {
      const partitions = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId);
      const shares = shareOut(members.map(({ memberId }) => memberId).sort(), partitions);
      for (const [member, share] of shares) {
        const assignment = assignments.get(member);
        if (assignment !== undefined) assignment[topic] = share;
      }
    }
    return [...assignments].map(([memberId, assignment]) => ({
      memberId,
      memberAssignment: MemberAssignment.encode({ version: VERSION, assignment, userData: Buffer.alloc(0) }),
    }));
  },
  protocol: ({ topics }) => ({
    name: NAME,
    metadata: MemberMetadata.encode({ version: VERSION, topics: [...topics], userData: Buffer.alloc(0) }),
  }),
});
