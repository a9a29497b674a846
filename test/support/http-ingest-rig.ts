import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach } from 'node:test';
import fastify, { type FastifyInstance } from 'fastify';
import type { Intake } from '../../ingest/intake.ts';
import { type HttpIngestOptions, registerHttpIngest } from '../../ingest/sources/http.ts';
import { createSourcesMemoryBus, type SourcesMemoryBus } from './sources-memory-bus.ts';
import { QUIET_LOG, type StoredLine, storedLines, TEST_FORMAT, testIntake } from './sources-rig.ts';

/** What each test of the HTTP source gets anew: a bus, the real intake, and a server with the route. */
export interface HttpIngestRig {
  bus: SourcesMemoryBus;
  intake: Intake;
  nowMs: number;
  /** Ends the server and starts another on the same bus, as after a restart of the program. */
  restart(options?: Partial<HttpIngestOptions>): Promise<void>;
  /** The same after a crash: what is not durable is lost. */
  crash(): void;
  /** Listens on a socket; the port. */
  listen(port?: number): Promise<number>;
  post(payload: string | Buffer, headers?: Record<string, string>): ReturnType<typeof inject>;
  postNothing(): ReturnType<typeof inject>;
  /** What became durable, by position. */
  lines(): StoredLine[];
  keys(): string[];
}

function inject(app: FastifyInstance, payload?: string | Buffer, headers: Record<string, string> = {}) {
  const body = payload === undefined ? {} : { payload, headers: { 'content-type': 'text/plain', ...headers } };
  return app.inject({ method: 'POST', url: '/v1/ingest', ...body });
}

/** Registers the hooks of the test file that calls it. */
export function httpIngestRig(): HttpIngestRig {
  let app: FastifyInstance;
  const rig: HttpIngestRig = {
    bus: createSourcesMemoryBus(),
    intake: testIntake(createSourcesMemoryBus()),
    nowMs: 0,
    async restart(options = {}) {
      await app.close();
      await rig.intake.close();
      serve(options);
    },
    crash() {
      rig.bus = rig.bus.crash();
      serve({});
    },
    async listen(port = 0) {
      await app.listen({ host: '127.0.0.1', port });
      return (app.server.address() as AddressInfo).port;
    },
    post: (payload, headers) => inject(app, payload, headers),
    postNothing: () => inject(app),
    lines: () => storedLines(rig.bus.records).toSorted((a, b) => a.position - b.position),
    keys: () => [...rig.bus.marks('idem/')].map(({ key }) => key),
  };

  function serve(options: Partial<HttpIngestOptions>): void {
    rig.intake = testIntake(rig.bus);
    app = fastify({ forceCloseConnections: true });
    registerHttpIngest(app, {
      intake: rig.intake,
      bus: rig.bus,
      clock: { now: () => rig.nowMs },
      log: QUIET_LOG,
      sourceName: 'push',
      format: TEST_FORMAT,
      token: null,
      ...options,
    });
  }

  beforeEach(() => {
    rig.bus = createSourcesMemoryBus();
    rig.nowMs = 1_732_500_000_000;
    serve({});
  });
  afterEach(async () => {
    rig.bus.hold(false);
    rig.bus.full(false);
    await app.close();
    await rig.intake.close();
  });
  return rig;
}

/** The response is this problem, and repeats nothing of a request that held `echo-canary`. */
export function assertProblem(response: Awaited<ReturnType<typeof inject>>, status: number): void {
  assert.equal(response.statusCode, status, response.body);
  assert.match(String(response.headers['content-type']), /^application\/problem\+json/);
  const problem = response.json();
  assert.equal(problem.status, status);
  assert.equal(typeof problem.title, 'string');
  assert.equal(typeof problem.detail, 'string');
  assert.ok(!response.body.includes('echo-canary'), response.body);
}
