import * as zlib from 'node:zlib';
import kafkajs, { CompressionTypes } from 'kafkajs';
import { GatewatchError } from '../../schemas/errors.ts';

export type Compression = 'auto' | 'none' | 'gzip' | 'zstd' | 'lz4' | 'snappy';

/** What the client asks of a codec. */
interface Codec {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
}

/** Level 1 makes blocks about seven times smaller; higher levels cost more than they save. */
const ZSTD_LEVEL = 1;

/** Bytes by which the Java clients' framing of Snappy is told (xerial). */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;

const TYPES = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  zstd: CompressionTypes.ZSTD,
  lz4: CompressionTypes.LZ4,
  snappy: CompressionTypes.Snappy,
} as const;

const PACKAGES: Readonly<Record<string, string>> = { zstd: '@mongodb-js/zstd', lz4: 'lz4-napi', snappy: 'snappy' };

/**
 * Makes the codecs known to the client that can be loaded here: gzip always, zstd by Node (22.15 and newer) or its
 * package, lz4 and snappy by their optional packages. Returns the type to compress with; `auto` is zstd, else none.
 * Rejects with `config_invalid` when the wanted codec cannot be loaded.
 */
export async function loadCodecs(wanted: Compression): Promise<CompressionTypes> {
  const found = { zstd: await zstd(), lz4: await lz4(), snappy: await snappy() };
  for (const name of ['zstd', 'lz4', 'snappy'] as const) {
    const codec = found[name];
    if (codec !== null) kafkajs.CompressionCodecs[TYPES[name]] = () => codec;
  }
  if (wanted === 'auto') return found.zstd === null ? TYPES.none : TYPES.zstd;
  if (wanted !== 'none' && wanted !== 'gzip' && found[wanted] === null) {
    const advice = `npm install ${PACKAGES[wanted]}, or kafka.compression: gzip`;
    throw new GatewatchError('config_invalid', `kafka.compression: ${wanted} cannot be loaded: ${advice}`);
  }
  return TYPES[wanted];
}

/** A batch is compressed with a codec that is not installed; `words` are the client's. */
export function codecMissing(words: string, what: string, cause: unknown): GatewatchError {
  const name = words.split(' ')[0]?.toLowerCase() ?? '';
  const advice = `npm install ${PACKAGES[name] ?? name}, or let the producer compress with gzip`;
  return new GatewatchError('topic_unfit', `${what} holds records compressed with ${name}: ${advice}`, {
    transient: true,
    cause,
  });
}

async function zstd(): Promise<Codec | null> {
  // Node 22.15 and newer; the types describe the newest.
  const built = zlib as unknown as {
    zstdCompressSync?: (data: Buffer, options: { params: Record<number, number> }) => Buffer;
    zstdDecompressSync?: (data: Buffer) => Buffer;
    constants: { ZSTD_c_compressionLevel?: number };
  };
  const { zstdCompressSync, zstdDecompressSync, constants } = built;
  if (zstdCompressSync !== undefined && zstdDecompressSync !== undefined) {
    const params = { [constants.ZSTD_c_compressionLevel ?? 100]: ZSTD_LEVEL };
    return {
      compress: async ({ buffer }) => zstdCompressSync(buffer, { params }),
      decompress: async (buffer) => zstdDecompressSync(buffer),
    };
  }
  const module = await import('@mongodb-js/zstd').catch(() => null);
  if (module === null) return null;
  return {
    compress: ({ buffer }) => module.compress(buffer, ZSTD_LEVEL),
    decompress: (buffer) => module.decompress(buffer),
  };
}

async function lz4(): Promise<Codec | null> {
  const module = await import('lz4-napi').catch(() => null);
  if (module === null) return null;
  return {
    compress: ({ buffer }) => module.compressFrame(buffer),
    decompress: (buffer) => module.decompressFrame(buffer),
  };
}

async function snappy(): Promise<Codec | null> {
  const module = await import('snappy').catch(() => null);
  if (module === null) return null;
  const plain = async (buffer: Buffer) => Buffer.from(await module.uncompress(buffer, { asBuffer: true }));
  return {
    compress: async ({ buffer }) => Buffer.from(await module.compress(buffer)),
    async decompress(buffer) {
      if (!buffer.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return plain(buffer);
      const pieces: Buffer[] = [];
      for (let at = XERIAL_HEADER_BYTES; at + 4 <= buffer.length; ) {
        const length = buffer.readUInt32BE(at);
        pieces.push(await plain(buffer.subarray(at + 4, at + 4 + length)));
        at += 4 + length;
      }
      return Buffer.concat(pieces);
    },
  };
}
