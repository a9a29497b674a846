/** Data up to this size is copied out of the scratch buffer; more is handed over with the buffer itself. */
const COPY_MAX_BYTES = 64 * 1024;

/**
 * One read buffer that is used again as long as nobody else holds it: a source that is woken for every line must not
 * allocate a whole batch each time.
 */
export interface Scratch {
  /** A buffer of at least `bytes`. It is the caller's until `give`. */
  take(bytes: number): Buffer;
  /** Bytes [from, to) as the caller's own, in a new small buffer or in the scratch buffer itself. */
  detach(buffer: Buffer, from: number, to: number): Buffer;
  /** The buffer is free again. */
  give(buffer: Buffer): void;
}

export function createScratch(): Scratch {
  let free: Buffer | null = null;
  return {
    take(bytes) {
      const buffer = free !== null && free.length >= bytes ? free : Buffer.allocUnsafeSlow(bytes);
      free = null;
      return buffer;
    },
    detach(buffer, from, to) {
      if (to - from > COPY_MAX_BYTES) return buffer.subarray(from, to);
      const own = Buffer.from(buffer.subarray(from, to));
      free = buffer;
      return own;
    },
    give(buffer) {
      free = buffer;
    },
  };
}
