import type { FastifyInstance } from 'fastify';

/** One part of the program, as health shows it. `why` is for people and says what to do. */
export interface PartHealth {
  readonly name: string;
  readonly ok: boolean;
  readonly why?: string;
  readonly details?: Readonly<Record<string, number | string>>;
}

/**
 * `GET /v1/health`: 200 while every part works, 503 otherwise, with all parts either way. Says nothing about identities
 * or configuration, so it needs no credentials.
 */
export function registerHealth(server: FastifyInstance, parts: () => Promise<readonly PartHealth[]>): void {
  server.get('/v1/health', async (_request, reply) => {
    const all = await parts();
    const ok = all.every((part) => part.ok);
    return reply
      .code(ok ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status: ok ? 'ok' : 'failing', parts: all });
  });
}
