import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { HttpProblem } from './http-problem.ts';

export interface BodyOptions {
  readonly gzip: boolean;
  /** Largest body, as sent and inflated. */
  readonly maxBytes: number;
  /** Asks for room for further bytes; a problem refuses them. */
  reserve(bytes: number): HttpProblem | null;
}

/**
 * Reads a request body, inflated if it is compressed, into one buffer. Rejects with the problem to answer: too large,
 * no room, damaged gzip, or cut off. What the client goes on to send after that is thrown away.
 */
export function readBody(stream: Readable, options: BodyOptions): Promise<Buffer> {
  const { gzip, maxBytes, reserve } = options;
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let sent = 0;
    let length = 0;
    let settled = false;
    const gunzip = gzip ? createGunzip() : null;

    function fail(problem: HttpProblem): void {
      if (settled) return;
      settled = true;
      if (gunzip !== null) {
        stream.unpipe(gunzip);
        gunzip.destroy();
      }
      stream.resume();
      reject(problem);
    }

    function finish(): void {
      if (settled) return;
      settled = true;
      const [first] = pieces;
      // The pieces of a socket lie in memory that other requests share; the body is changed in place later.
      resolve(pieces.length === 1 && gunzip !== null && first !== undefined ? first : Buffer.concat(pieces, length));
    }

    function take(piece: Buffer): void {
      if (settled) return;
      length += piece.length;
      const refused = length > maxBytes ? tooLarge(maxBytes) : reserve(piece.length);
      if (refused === null) pieces.push(piece);
      else fail(refused);
    }

    stream.on('data', (piece: Buffer) => {
      sent += piece.length;
      if (gunzip === null) take(piece);
      else if (sent > maxBytes) fail(tooLarge(maxBytes));
    });
    stream.on('error', () => fail(new HttpProblem(400, 'the body was cut off')));
    stream.on('close', () => {
      if (!stream.readableEnded) fail(new HttpProblem(400, 'the body was cut off'));
    });
    if (gunzip === null) {
      stream.on('end', finish);
    } else {
      gunzip.on('data', take);
      gunzip.on('end', finish);
      gunzip.on('error', () => fail(new HttpProblem(400, 'the gzip data of the body is damaged')));
      stream.pipe(gunzip);
    }
  });
}

export function tooLarge(maxBytes: number): HttpProblem {
  // The rest of the body is not worth reading, so the connection cannot be used again.
  return new HttpProblem(413, `the body is larger than ${maxBytes} bytes: send fewer lines at a time`, {
    connection: 'close',
  });
}
