import { setImmediate as nextTurn } from 'node:timers/promises';
import { GatewatchError } from '../../schemas/errors.ts';
import type { ConsumeOptions, Consumer } from '../ports.ts';
import type { PartitionLog } from './partition-log.ts';

/** One call of onRecords gets at most this much: enough to work in bulk, little enough to stop and to share quickly. */
export const MAX_BATCH_RECORDS = 64;
export const MAX_BATCH_BYTES = 4 * 1024 * 1024;

/**
 * Reads a topic's partitions side by side, each with one batch in flight. A partition that has read everything sleeps
 * until the writer wakes it; between batches every partition gives way once, so that none starves the others.
 *
 * When a callback rejects, the other partitions finish their batch in hand, `done` rejects with that error, and
 * onRevoke is not called: what was not committed comes again.
 */
export function startConsumer(
  logs: readonly PartitionLog[],
  options: ConsumeOptions,
  committed: (partition: number) => number | null,
  onEnd: () => void,
): Consumer {
  const sleepers = new Set<() => void>();
  let stopping = false;
  let failure: { readonly error: unknown } | null = null;

  function wind(): void {
    stopping = true;
    for (const wake of [...sleepers]) wake();
  }

  async function run(log: PartitionLog): Promise<void> {
    const { partition } = log;
    let next = (await options.onAssign(partition)) ?? committed(partition) ?? 0;
    if (next > log.extent.end) throw beyondEnd(options, partition, next, log.extent.end);
    while (!stopping) {
      const records = log.read(next, MAX_BATCH_RECORDS, MAX_BATCH_BYTES);
      const last = records.at(-1);
      if (last === undefined) {
        await sleep(log);
        continue;
      }
      await options.onRecords(partition, records);
      next = last.offset + 1;
      await nextTurn();
    }
  }

  function sleep(log: PartitionLog): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        cancel();
        sleepers.delete(wake);
        resolve();
      };
      const cancel = log.onChange(wake);
      sleepers.add(wake);
    });
  }

  async function runAll(): Promise<void> {
    const guarded = logs.map((log) =>
      run(log).catch((error: unknown) => {
        failure ??= { error };
        wind();
      }),
    );
    await Promise.all(guarded);
    onEnd();
    if (failure !== null) throw failure.error;
    await Promise.all(logs.map(({ partition }) => options.onRevoke(partition)));
  }

  const done = runAll();
  return {
    done,
    async stop() {
      wind();
      try {
        await done;
      } catch (error) {
        // A consumer that died says so through `done`; only what goes wrong while stopping concerns the caller.
        if (failure === null) throw error;
      }
    },
  };
}

function beyondEnd(options: ConsumeOptions, partition: number, next: number, end: number): GatewatchError {
  return new GatewatchError(
    'state_foreign',
    `group ${options.group} is to read ${options.topic} partition ${partition} from offset ${next}, but the log ends at ` +
      `${end}: the state belongs to another log. Restore the log that it was made from, or delete the state.`,
  );
}
