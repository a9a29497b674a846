import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Bus, Clock, Logger } from '../../platform/ports.ts';
import { GatewatchError } from '../../schemas/errors.ts';
import type { LineFormat } from '../formats/format.ts';
import type { BatchResult, Intake } from '../intake.ts';
import { readBody, tooLarge } from './http-body.ts';
import { HttpProblem, sendProblem, toProblem } from './http-problem.ts';
import { createIdempotencyKeys } from './idempotency.ts';
import { jsonToLines, type Lines } from './json-lines.ts';
import { createPauseGuard } from './pause-guard.ts';
import { newSourceId } from './source-id.ts';

const MAX_BODY_BYTES = 8 * 1024 * 1024;
const MAX_PENDING_BYTES = 32 * 1024 * 1024;
/** When to come back: a full log or disk takes longer than a queue. */
const PAUSED_RETRY_SECONDS = '5';
const BUSY_RETRY_SECONDS = '1';
const NEWLINE = 10;
/** Scheme names are case-insensitive (RFC 9110, section 11.1). */
const BEARER = 'bearer ';

export interface HttpIngestOptions {
  readonly intake: Pick<Intake, 'accept' | 'paused' | 'pendingBytes'>;
  readonly bus: Pick<Bus, 'getMark' | 'marks' | 'syncMarks'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Name in the settings; idempotency keys belong to it. */
  readonly sourceName: string;
  readonly format: LineFormat;
  /** Bearer token that clients must send; null: everybody may. */
  readonly token: string | null;
  /** Largest body, as sent and inflated. */
  readonly maxBodyBytes?: number;
  /** Bytes of bodies that are being received or are not durable yet; beyond that requests are refused. */
  readonly maxPendingBytes?: number;
}

/**
 * Adds `POST /v1/ingest` to a server. Bodies: `application/x-ndjson` and `text/plain`, one line a line, and
 * `application/json`, one object or an array of them; each may be compressed with gzip. 200 with what became of the lines
 * comes when they are durable. Problems are answered as RFC 9457 describes and never repeat what was sent.
 *
 * Back-pressure: while nothing can be made durable, or too many bytes wait, requests get 503 with Retry-After, before
 * their body is read. Requests that wait when the intake pauses get 503 as well; their lines stay with the intake and
 * become durable when it goes on.
 *
 * With an `Idempotency-Key` a client loses and doubles nothing, whatever the answer was: the key becomes durable in the
 * same append as the lines, and is known in memory from the moment that they are accepted. So a repeat finds the lines
 * on their way and waits for them, finds them durable and gets their result, or, when the process ended before they were
 * durable, finds no key either and is a first request. The body of a repeat is not looked at. Without a key, a client that
 * repeats a request after 503 or a lost answer may double its lines.
 *
 * Slow senders are the server's to bound: `requestTimeout`.
 */
export function registerHttpIngest(app: FastifyInstance, options: HttpIngestOptions): void {
  const { intake, bus, clock, log, sourceName, format, token } = options;
  const maxBodyBytes = options.maxBodyBytes ?? MAX_BODY_BYTES;
  const maxPendingBytes = options.maxPendingBytes ?? MAX_PENDING_BYTES;
  const tokenHash = token === null ? null : sha256(token);
  const keys = createIdempotencyKeys({ bus, clock, sourceName });
  const guard = createPauseGuard(() => intake.paused() !== null, pausedProblem);
  /** Requests whose lines are accepted and not durable yet, by the name of their key. */
  const underway = new Map<string, Promise<BatchResult>>();
  /** Bytes of bodies in memory that the intake does not have yet. */
  const held = new Map<FastifyRequest, number>();
  let heldBytes = 0;
  const source = newSourceId();
  let position = 0;

  function reserve(request: FastifyRequest, bytes: number): HttpProblem | null {
    if (intake.pendingBytes() + heldBytes + bytes > maxPendingBytes) return busyProblem();
    held.set(request, (held.get(request) ?? 0) + bytes);
    heldBytes += bytes;
    return null;
  }

  function release(request: FastifyRequest): void {
    heldBytes -= held.get(request) ?? 0;
    held.delete(request);
  }

  function keyName(request: FastifyRequest): string | null {
    const key = request.headers['idempotency-key'];
    if (key === undefined) return null;
    const name = typeof key === 'string' ? keys.name(key) : null;
    if (name === null) throw new HttpProblem(400, 'Idempotency-Key must be 1 to 200 printable ASCII characters');
    return name;
  }

  /** The result of the first request with this key, or the wait for it; null: this is the first. */
  function firstResult(name: string | null): BatchResult | Promise<BatchResult> | null {
    return name === null ? null : (underway.get(name) ?? keys.stored(name));
  }

  async function replay(reply: FastifyReply, first: BatchResult | Promise<BatchResult>): Promise<FastifyReply> {
    const result = first instanceof Promise ? await guard.wait(first) : first;
    return sendResult(reply.header('idempotency-replayed', 'true'), result);
  }

  /** Afterwards keys are known that requests to other processes had before this one. */
  async function syncKeys(request: FastifyRequest): Promise<void> {
    try {
      await bus.syncMarks();
    } catch (error) {
      if (error instanceof GatewatchError && error.transient) throw pausedProblem();
      throw error;
    }
    // Bytes held for a request that went away meanwhile would never be released.
    if (request.raw.destroyed) throw new HttpProblem(400, 'the request was cut off');
  }

  /** All that can be said before the body is read. */
  async function screen(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
    if (tokenHash !== null) authenticate(request.headers.authorization, tokenHash);
    const name = keyName(request);
    if (name !== null) await syncKeys(request);
    const first = firstResult(name);
    if (first !== null) return replay(reply, first);
    isGzip(request);
    const length = declaredLength(request);
    if (length > maxBodyBytes) throw tooLarge(maxBodyBytes);
    if (intake.paused() !== null) throw pausedProblem();
    const refused = reserve(request, length);
    if (refused !== null) throw refused;
    return undefined;
  }

  async function ingest(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const lines = request.body as Lines | undefined;
    if (lines === undefined) throw new HttpProblem(415, 'send a body, with its Content-Type');
    const name = keyName(request);
    // From here to `underway` nothing may wait: two requests with one key would both find themselves the first.
    const first = firstResult(name);
    if (first !== null) return replay(reply, first);
    const accepted = intake.accept({
      sourceName,
      source,
      format,
      bytes: lines.bytes,
      position,
      step: 'lines',
      marks: name === null ? [] : (result) => keys.marks(name, result),
      atomic: name !== null,
    });
    position += lines.count;
    release(request);
    if (name !== null) {
      underway.set(name, accepted);
      const settled = () => underway.delete(name);
      accepted.then(settled, settled);
    }
    return sendResult(reply, await guard.wait(accepted));
  }

  void app.register(async (scope: FastifyInstance) => {
    scope.removeAllContentTypeParsers();
    function read(request: FastifyRequest, payload: IncomingMessage): Promise<Buffer> {
      let reserved = declaredLength(request);
      return readBody(payload, {
        gzip: isGzip(request),
        maxBytes: maxBodyBytes,
        reserve(bytes) {
          const more = Math.max(0, bytes - reserved);
          reserved -= bytes - more;
          return more === 0 ? null : reserve(request, more);
        },
      });
    }
    scope.addContentTypeParser(
      ['application/x-ndjson', 'text/plain'],
      async (request: FastifyRequest, payload: IncomingMessage) => {
        const bytes = await read(request, payload);
        return { bytes, count: countLines(bytes) } satisfies Lines;
      },
    );
    scope.addContentTypeParser('application/json', async (request: FastifyRequest, payload: IncomingMessage) => {
      const lines = jsonToLines(await read(request, payload));
      if (lines === null) throw new HttpProblem(400, 'the body is not a JSON object or an array of objects');
      return lines;
    });
    scope.setErrorHandler(async (error, request, reply) => {
      release(request);
      const problem = toProblem(error);
      if (problem.status >= 500 && problem.status !== 503) log.error({ err: error }, 'ingest request failed');
      return sendProblem(reply, problem);
    });
    scope.addHook('onResponse', async (request) => release(request));
    scope.addHook('onRequestAbort', async (request) => release(request));
    scope.addHook('onRequest', screen);
    scope.post('/v1/ingest', ingest);
  });
}

function sendResult(reply: FastifyReply, { accepted, dropped, deadLettered }: BatchResult): FastifyReply {
  return reply.code(200).send({ accepted, dropped, dead_lettered: deadLettered });
}

function authenticate(header: string | undefined, tokenHash: Buffer): void {
  const isBearer = header?.slice(0, BEARER.length).toLowerCase() === BEARER;
  const presented = header?.slice(BEARER.length).trim() ?? '';
  // Hashes have one length and tell nothing about how much of the token was right.
  if (isBearer && timingSafeEqual(sha256(presented), tokenHash)) return;
  throw new HttpProblem(401, 'send the token of this server as Authorization: Bearer', {
    'www-authenticate': 'Bearer',
  });
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function isGzip(request: FastifyRequest): boolean {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'gzip' || encoding === 'x-gzip') return true;
  if (encoding === 'identity' || encoding === '') return false;
  throw new HttpProblem(415, 'compress with gzip or not at all', { 'accept-encoding': 'gzip, identity' });
}

/** Bytes that the client says it sends; 0: it does not say. */
function declaredLength(request: FastifyRequest): number {
  return Number(request.headers['content-length'] ?? 0);
}

function countLines(bytes: Buffer): number {
  let count = 0;
  let from = 0;
  while (from < bytes.length) {
    const end = bytes.indexOf(NEWLINE, from);
    count += 1;
    from = end < 0 ? bytes.length : end + 1;
  }
  return count;
}

function pausedProblem(): HttpProblem {
  return new HttpProblem(
    503,
    'nothing can be stored at the moment: send the request again later, with the same Idempotency-Key if it had one',
    { 'retry-after': PAUSED_RETRY_SECONDS },
  );
}

function busyProblem(): HttpProblem {
  return new HttpProblem(503, 'too much is waiting to be stored: send the request again a little later', {
    'retry-after': BUSY_RETRY_SECONDS,
  });
}
