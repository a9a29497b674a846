import { writeSync } from 'node:fs';
import { openEmbeddedState } from '../../../platform/state/embedded.ts';

// Child of the kill test. Save n writes n to every row, the meta and the offset; tells n once it is acknowledged.
const ROWS = 1_500;

const state = await openEmbeddedState({ directory: process.argv[2] ?? '', generation: 'one', layoutVersion: 1 });
const checkpoint = await state.load(0, () => undefined);

for (let n = (checkpoint?.nextOffset ?? 0) + 1; ; n++) {
  const bytes = Buffer.alloc(1024, n % 256);
  await state.save(
    0,
    { nextOffset: n, meta: `${n}` },
    Array.from({ length: ROWS }, (_, index) => ({ index, bytes })),
  );
  writeSync(1, `${n}\n`);
}
