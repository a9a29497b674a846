import { join } from 'node:path';
import { ROW_BYTES, ROW_LAYOUT_VERSION } from '../detector/layout.ts';
import { openKafkaState } from '../platform/kafka/state.ts';
import { DETECTOR_GROUP } from '../platform/stages/detect.ts';
import { createDraws } from './eval/draws.ts';
import { kafkaRig } from './kafka-rig.ts';

const ROWS_PER_SAVE = 50_000;

/** Seconds until a process that takes a partition over has its rows, with an empty directory and with a copy. */
export async function takeover(rows: number): Promise<Record<string, unknown>> {
  const rig = await kafkaRig();
  try {
    const open = (name: string) =>
      openKafkaState({
        bus: rig.bus,
        group: DETECTOR_GROUP,
        directory: join(rig.directory, name),
        layoutVersion: ROW_LAYOUT_VERSION,
      });
    const first = await open('first');
    const draws = createDraws(3);
    let started = Date.now();
    for (let from = 0; from < rows; from += ROWS_PER_SAVE) {
      await first.save(
        0,
        { nextOffset: 0, meta: '{}' },
        rowsFrom(from, Math.min(rows, from + ROWS_PER_SAVE), draws.uniform),
      );
    }
    const savedSeconds = (Date.now() - started) / 1000;
    const second = await open('second');
    const load = async () => {
      started = Date.now();
      let found = 0;
      await second.load(0, () => {
        found += 1;
      });
      if (found !== rows) throw new Error(`${found} rows of ${rows}`);
      return (Date.now() - started) / 1000;
    };
    const empty = await load();
    const copy = await load();
    await first.close();
    await second.close();
    return { rows, saved_seconds: savedSeconds, empty_directory_seconds: empty, with_copy_seconds: copy };
  } finally {
    await rig.close();
  }
}

/** Half of a row is zero, as of an identity that has few habits; the rest does not compress. */
function* rowsFrom(from: number, to: number, uniform: () => number) {
  for (let index = from; index < to; index++) {
    const bytes = Buffer.alloc(ROW_BYTES);
    for (let at = 0; at < ROW_BYTES / 2; at += 4) bytes.writeFloatLE(uniform(), at);
    yield { index, bytes };
  }
}
