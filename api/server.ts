import fastify, { type FastifyInstance } from 'fastify';
import type { Logger } from '../platform/ports.ts';
import { type PartHealth, registerHealth } from './health.ts';

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly log: Logger;
  parts(): Promise<readonly PartHealth[]>;
  /** Prometheus text. */
  metricsText(): Promise<string>;
  /** Routes of other parts, such as ingest. */
  register(server: FastifyInstance): void;
}

export interface Server {
  /** Where it listens, after start. */
  readonly url: string;
  close(): Promise<void>;
}

/** Starts the HTTP listener. Problems come back as RFC 9457 documents that never echo the request. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const server = fastify({ logger: false, forceCloseConnections: true });
  server.setNotFoundHandler((_request, reply) => problem(reply, 404, 'No such resource'));
  server.setErrorHandler((error: { statusCode?: number; message: string }, _request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) options.log.error({ err: error }, 'request failed');
    return problem(reply, status, status >= 500 ? 'The request could not be carried out' : 'The request is not valid');
  });
  registerHealth(server, options.parts);
  server.get('/metrics', async (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(await options.metricsText()),
  );
  options.register(server);
  const url = await server.listen({ host: options.host, port: options.port });
  return { url, close: () => server.close() };
}

function problem(
  reply: { code(status: number): { type(type: string): { send(body: unknown): unknown } } },
  status: number,
  title: string,
): unknown {
  return reply.code(status).type('application/problem+json').send({ type: 'about:blank', title, status });
}
