import { unlink, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { GatewatchError } from '../../schemas/errors.ts';

/** lmdb.h: the map cannot grow any further. */
const MDB_MAP_FULL = -30792;

/** How long to wait for lmdb-js to tell why a commit failed; it tells within the same event turn. */
const CAUSE_WAIT_MS = 1_000;

/** The probe writes as much as the failed transaction, within these bounds. */
const PROBE_MIN_BYTES = 64 * 1024;
const PROBE_MAX_BYTES = 16 * 1024 * 1024;
const PROBE_FILE = 'space.probe';

const { ENOSPC, EDQUOT, EFBIG, EIO } = constants.errno;

/**
 * Turns what went wrong with an LMDB environment (the rejection of a transaction, a failure to open) into a GatewatchError: `disk_full` (transient) when there was no room,
 * else `store_unavailable`.
 *
 * lmdb-js rejects with "Commit failed" and gives the reason through a second promise, `commitError`, which itself
 * rejects: it is awaited here, so that it never becomes an unhandled rejection. On a full disk LMDB's write comes back
 * short, which it reports as EIO like a broken disk; a probe file of the same size tells the two apart.
 */
export async function explainFailure(directory: string, bytes: number, error: unknown): Promise<GatewatchError> {
  if (error instanceof GatewatchError) return error;
  const cause = await causeOf(error);
  const code = codeOf(cause);
  const full = code === MDB_MAP_FULL || isFull(code) || (code === EIO && (await isFullForProbe(directory, bytes)));
  if (full) {
    return new GatewatchError('disk_full', `no room left on the disk of ${directory}; nothing was written`, {
      transient: true,
      cause,
    });
  }
  return new GatewatchError('store_unavailable', `a transaction in ${directory} failed; nothing was written`, {
    cause,
  });
}

async function causeOf(error: unknown): Promise<unknown> {
  const pending = (error as { commitError?: unknown } | null)?.commitError;
  if (!(pending instanceof Promise)) return error;
  const told = pending.then(
    () => error,
    (reason: unknown) => reason,
  );
  return Promise.race([told, delay(CAUSE_WAIT_MS, error, { ref: false })]);
}

/** lmdb-js puts the number into `code`; Node's own errors carry it negated in `errno`. */
function codeOf(cause: unknown): number | undefined {
  const { code, errno } = (cause ?? {}) as { code?: unknown; errno?: unknown };
  if (typeof errno === 'number') return -errno;
  return typeof code === 'number' ? code : undefined;
}

function isFull(code: number | undefined): boolean {
  return code === ENOSPC || code === EDQUOT || code === EFBIG;
}

async function isFullForProbe(directory: string, bytes: number): Promise<boolean> {
  const path = join(directory, PROBE_FILE);
  try {
    await writeFile(path, Buffer.alloc(Math.min(Math.max(bytes, PROBE_MIN_BYTES), PROBE_MAX_BYTES)));
    return false;
  } catch (error) {
    return isFull(codeOf(error));
  } finally {
    await unlink(path).catch(() => undefined);
  }
}
