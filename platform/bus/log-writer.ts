import { GatewatchError } from '../../schemas/errors.ts';
import type { Topic } from '../../schemas/topics.ts';
import type { Environment } from '../lmdb/environment.ts';
import type { Table, Write } from '../lmdb/writes.ts';
import type { Clock, Mark, OutRecord } from '../ports.ts';
import type { GroupOffsets } from './group-offsets.ts';
import { markWrite } from './marks.ts';
import type { PartitionLog } from './partition-log.ts';
import { type PlanContext, planWrites, type WritePlan } from './write-plan.ts';

/** One transaction takes waiting work up to these bounds, so that it stays within some tens of milliseconds. */
const MAX_GROUP_BYTES = 8 * 1024 * 1024;
const MAX_GROUP_JOBS = 4_096;

export type Job =
  | { readonly type: 'append'; readonly records: readonly OutRecord[]; readonly marks: readonly Mark[] }
  | {
      readonly type: 'commit';
      readonly group: string;
      readonly topic: Topic;
      readonly partition: number;
      readonly nextOffset: number;
      readonly marks: readonly Mark[];
      readonly records: readonly OutRecord[];
    }
  | { readonly type: 'forget'; readonly group: string }
  | { readonly type: 'trim'; done(more: boolean): void };

interface Waiting {
  readonly job: Job;
  readonly bytes: number;
  resolve(): void;
  reject(error: unknown): void;
}

export interface WriterContext {
  readonly environment: Environment;
  readonly extents: Table;
  readonly marks: Table;
  readonly logs: readonly PartitionLog[];
  readonly logOf: (topic: Topic, partition: number) => PartitionLog;
  readonly groups: GroupOffsets;
  readonly capBytes: number;
  readonly retentionMs: number;
  readonly clock: Clock;
}

export interface LogWriter {
  /** Resolves when the job is committed. Jobs take effect in the order in which they come. */
  submit(job: Job): Promise<void>;
  /** Removes everything that is past its time, in as many transactions as it takes. */
  trim(): Promise<void>;
  /** Resolves when nothing waits any more. */
  idle(): Promise<void>;
  /** Dead letters dropped to make room or for their age, since the start. */
  droppedDeadLetters(): number;
}

/**
 * The single writer of the log: group commit with one transaction in flight. What is submitted while one runs goes
 * together into the next. With a second one in flight a failed transaction would leave a hole in the offsets.
 */
export function startLogWriter(context: WriterContext): LogWriter {
  const { environment, groups } = context;
  const heads: PlanContext['heads'] = new Map();
  let queue: Waiting[] = [];
  let running: Promise<void> | null = null;
  let dropped = 0;

  function submit(job: Job): Promise<void> {
    return new Promise((resolve, reject) => {
      queue.push({ job, bytes: bytesOf(job), resolve, reject });
      running ??= drain();
    });
  }

  async function drain(): Promise<void> {
    // One microtask, so that everything submitted in this turn goes together.
    await null;
    while (queue.length > 0) await writeGroup(takeGroup());
    running = null;
  }

  function takeGroup(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const waiting of queue) {
      if (count >= MAX_GROUP_JOBS || (count > 0 && bytes + waiting.bytes > MAX_GROUP_BYTES)) break;
      bytes += waiting.bytes;
      count += 1;
    }
    const group = queue.slice(0, count);
    queue = queue.slice(count);
    return group;
  }

  async function writeGroup(group: readonly Waiting[]): Promise<void> {
    const plan = planWrites({ ...context, heads, time: context.clock.now() });
    const accepted: { waiting: Waiting; finish: () => void }[] = [];
    const refused: { waiting: Waiting; refusal: GatewatchError }[] = [];
    let failure: { readonly error: unknown } | null = null;
    try {
      for (const waiting of group) {
        const planned = planJob(plan, waiting.job);
        if (planned instanceof GatewatchError) refused.push({ waiting, refusal: planned });
        else accepted.push({ waiting, finish: planned });
      }
      plan.seal();
      // A refused append may have trimmed in vain; that counts all the same, so that a later one finds the room.
      if (plan.writes.length > 0) await environment.commit(plan.writes);
    } catch (error) {
      failure = { error };
    }
    for (const { waiting, refusal } of refused) waiting.reject(refusal);
    if (failure !== null) {
      plan.discard();
      for (const waiting of group) waiting.reject(failure.error);
      return;
    }
    dropped += plan.publish();
    for (const { waiting, finish } of accepted) {
      finish();
      waiting.resolve();
    }
  }

  /** Adds a job to the plan. Returns what to do once it is committed, or why it cannot be done. */
  function planJob(plan: WritePlan, job: Job): (() => void) | GatewatchError {
    switch (job.type) {
      case 'append': {
        const refusal = addRecords(plan, job.records);
        if (refusal !== null) return refusal;
        addMarks(plan.writes, job.marks);
        return () => undefined;
      }
      case 'commit': {
        const { group, topic, partition, nextOffset } = job;
        const refusal = addRecords(plan, job.records);
        if (refusal !== null) return refusal;
        plan.writes.push(groups.write(group, topic, partition, nextOffset));
        addMarks(plan.writes, job.marks);
        return () => groups.apply(group, topic, partition, nextOffset);
      }
      case 'forget':
        plan.writes.push(...groups.forgetting(job.group));
        return () => groups.applyForget(job.group);
      case 'trim': {
        const more = plan.trimOld();
        return () => job.done(more);
      }
    }
  }

  function addRecords(plan: WritePlan, records: readonly OutRecord[]): GatewatchError | null {
    return plan.add(records.map((record) => ({ log: context.logOf(record.topic, record.partition), record })));
  }

  function addMarks(writes: Write[], marks: readonly Mark[]): void {
    for (const mark of marks) writes.push(markWrite(context.marks, mark));
  }

  async function trim(): Promise<void> {
    let more = true;
    while (more) {
      await submit({
        type: 'trim',
        done: (left) => {
          more = left;
        },
      });
    }
  }

  return { submit, trim, idle: async () => running ?? undefined, droppedDeadLetters: () => dropped };
}

function bytesOf(job: Job): number {
  if (job.type !== 'append' && job.type !== 'commit') return 0;
  return job.records.reduce((sum, record) => sum + record.value.length, 0);
}
