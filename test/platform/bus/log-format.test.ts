import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Database, open } from 'lmdb';
import {
  decodeHeader,
  encodeRecord,
  footprint,
  offsetOf,
  payloadOf,
  recordKey,
} from '../../../platform/bus/log-format.ts';
import { PAGE_BYTES } from '../../../platform/lmdb/open-root.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

test('key order is offset order, and a key gives its offset back', () => {
  const offsets = [0, 1, 255, 256, 65_535, 65_536, 2 ** 32, 2 ** 40 + 7, 2 ** 48 - 1];
  const keys = offsets.map(recordKey);
  assert.deepEqual([...keys].reverse().sort(Buffer.compare), keys);
  assert.deepEqual(keys.map(offsetOf), offsets);
});

test('a record gives back its time, byte count and payload', () => {
  const value = encodeRecord(1_790_000_000_123, 2 ** 50 + 1, Buffer.from('payload'));
  assert.deepEqual(decodeHeader(value), { time: 1_790_000_000_123, bytesBefore: 2 ** 50 + 1, bytes: footprint(7) });
  assert.equal(payloadOf(value).toString(), 'payload');
});

// The expected numbers are LMDB's own count of the pages that it took.
for (const payload of [0, 1, 100, 333, 1_000, 1_300, 1_990, 2_003, 2_004, 2_100, 4_055, 4_057, 10_000, 100_000]) {
  test(`the footprint of ${payload} bytes is what LMDB takes for it, within 3 %`, async () => {
    const directory = temporaryDirectory();
    const db = open<Buffer, Buffer>(`${directory.path}/data.mdb`, {
      encoding: 'binary',
      keyEncoding: 'binary',
      pageSize: PAGE_BYTES,
      noSync: true,
      overlappingSync: false,
    });
    try {
      const count = payload < 5_000 ? 4_000 : 200;
      const appending = db as unknown as { put(key: Buffer, value: Buffer, options: object): Promise<boolean> };
      await db.batch(() => {
        for (let i = 0; i < count; i++) {
          void appending.put(recordKey(i), encodeRecord(0, 0, Buffer.alloc(payload)), { append: true });
        }
      });
      const bytes = pagesOf(db) * PAGE_BYTES;
      assert.ok(
        Math.abs(bytes / count / footprint(payload) - 1) < 0.03,
        `${bytes / count} against ${footprint(payload)}`,
      );
    } finally {
      await db.close();
      directory.remove();
    }
  });
}

function pagesOf(db: Database<Buffer, Buffer>): number {
  const stats = db.getStats() as { treeLeafPageCount: number; overflowPages: number };
  return stats.treeLeafPageCount + stats.overflowPages;
}
