import assert from 'node:assert/strict';
import type { KafkaBus } from '../../../platform/kafka/bus.ts';
import type { Consumer } from '../../../platform/ports.ts';
import { GatewatchError } from '../../../schemas/errors.ts';
import { event, reading } from './refusal.ts';

/** From an onAssign to its onRevoke. */
export interface Assignment {
  readonly member: string;
  readonly partition: number;
  readonly from: number;
  readonly offsets: number[];
  over: boolean;
}

/** What the members of one group did, in the order in which it happened. */
export interface GroupLog {
  readonly assignments: Assignment[];
  /** Successful commits by partition. */
  readonly commits: Map<number, number[]>;
  /** Commits that were refused with `partition_lost`. */
  lost: number;
}

export const groupLog = (): GroupLog => ({ assignments: [], commits: new Map(), lost: 0 });

/** A member of the group `detector` that commits what it has seen after each batch. */
export function startMember(
  bus: KafkaBus,
  member: string,
  log: GroupLog,
  work: (assignment: Assignment) => Promise<void> = async () => undefined,
): Promise<Consumer> {
  const held = new Map<number, Assignment>();
  return bus.consume(
    reading(
      'detector',
      async (partition, records) => {
        const assignment = held.get(partition) ?? assert.fail(`records of ${partition}, which is not assigned`);
        for (const { offset } of records) assignment.offsets.push(offset);
        await work(assignment);
        const next = (records.at(-1)?.offset ?? 0) + 1;
        await commit(bus, partition, next, log);
      },
      {
        async onAssign(partition) {
          assert.ok(!held.has(partition), `${member} has partition ${partition} twice`);
          const from = (await bus.committed('detector', 'events', partition)) ?? 0;
          const assignment = { member, partition, from, offsets: [], over: false };
          held.set(partition, assignment);
          log.assignments.push(assignment);
          return from;
        },
        async onRevoke(partition) {
          const assignment = held.get(partition) ?? assert.fail(`${partition} is revoked and was not assigned`);
          assignment.over = true;
          held.delete(partition);
        },
      },
    ),
  );
}

async function commit(bus: KafkaBus, partition: number, next: number, log: GroupLog): Promise<void> {
  try {
    await bus.commit('detector', 'events', partition, next);
    log.commits.set(partition, [...(log.commits.get(partition) ?? []), next]);
  } catch (error) {
    if (!(error instanceof GatewatchError && error.code === 'partition_lost')) throw error;
    log.lost += 1;
  }
}

/** Every assignment saw its partition in order and without a hole from where it began, and no commit went back. */
export function checkOrder({ assignments, commits }: GroupLog, dense = true): void {
  for (const { member, partition, from, offsets } of assignments) {
    offsets.forEach((offset, i) => {
      const before = i === 0 ? from - 1 : (offsets[i - 1] ?? 0);
      assert.ok(
        dense ? offset === before + 1 : offset > before,
        `${member} read ${offset} of ${partition} after ${before}`,
      );
    });
  }
  for (const [partition, nexts] of commits) {
    nexts.forEach((next, i) => {
      assert.ok(i === 0 || next >= (nexts[i - 1] ?? 0), `commits of ${partition}: ${nexts.slice(i - 1, i + 1)}`);
    });
  }
}

/** Partitions that each member has at the moment. */
export function holders({ assignments }: GroupLog): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const { member, partition, over } of assignments) {
    if (!over) found.set(member, [...(found.get(member) ?? []), partition].sort());
  }
  return found;
}

/** Appends one record after the other to each partition in turn, until it is stopped. */
export function steadyLoad(bus: KafkaBus, partitions: number) {
  const sent = new Array<number>(partitions).fill(0);
  let stopped = false;
  const done = (async () => {
    for (let turn = 0; !stopped; turn++) {
      const partition = turn % partitions;
      await bus.append([event(String(turn), partition)]);
      sent[partition] = (sent[partition] ?? 0) + 1;
    }
  })();
  return {
    sent,
    async stop() {
      stopped = true;
      await done;
    },
  };
}
