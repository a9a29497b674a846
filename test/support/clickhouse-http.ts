import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import type { Session } from 'chdb';
import { inTurn, type Turn } from '../../platform/store/turn.ts';

/** Parameters of ClickHouse's HTTP interface that are no settings of a query. */
const NOT_SETTINGS = new Set(['query', 'query_id', 'database', 'default_format', 'user', 'password']);
/** Settings of the HTTP layer itself, unknown to the engine in process. */
const HTTP_LAYER = /^(wait_end_of_query|send_progress|http_|enable_http_compression)/;
/** What idle connections are kept by ClickHouse up to 25; later ones keep them for 30 s. */
const KEEP_ALIVE_MS = 10_000;

export interface FrontOptions {
  /** 0 takes a free one. */
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
  /** Requests that the engine works on at once, each on a connection of its own. */
  readonly connections?: number;
}

/**
 * The part of ClickHouse's HTTP interface that the client uses, in front of the real engine in this process: the query in
 * the URL or the body, rows in the body (plain or gzip), database, settings and parameters in the URL, user and password
 * in either pair of headers, errors as text with their code in a header. `open` opens a connection to the engine.
 */
export async function serveOverHttp(
  open: () => Session,
  options: FrontOptions = {},
): Promise<{ url: string; close(): Promise<void> }> {
  const { port = 0, user = 'default', password = '', connections = 3 } = options;
  const engines = Array.from({ length: connections }, () => ({ session: open(), turn: inTurn(), waiting: 0 }));
  const server = createServer((request, response) => {
    if (request.url === '/ping') return void response.end('Ok.\n');
    if (!mayEnter(request, user, password)) {
      const why = 'Authentication failed: password is incorrect, or there is no user with such name.';
      return void request
        .resume()
        .on('end', () => fail(response, 403, `Code: 516. DB::Exception: ${user}: ${why} (AUTHENTICATION_FAILED)`));
    }
    const engine = engines.reduce((least, other) => (other.waiting < least.waiting ? other : least));
    engine.waiting += 1;
    void answer(engine.session, engine.turn, request, response).finally(() => {
      engine.waiting -= 1;
    });
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      for (const { session, turn } of engines) await turn(async () => session.close());
    },
  };
}

function mayEnter({ headers }: IncomingMessage, user: string, password: string): boolean {
  const given = headers['x-clickhouse-user'];
  if (given !== undefined) return given === user && (headers['x-clickhouse-key'] ?? '') === password;
  const basic = /^Basic (.+)$/.exec(headers.authorization ?? '')?.[1];
  if (basic === undefined) return user === 'default' && password === '';
  return Buffer.from(basic, 'base64').toString() === `${user}:${password}`;
}

function fail(response: ServerResponse, status: number, message: string): void {
  const code = /^Code: (\d+)/.exec(message)?.[1] ?? '1002';
  response.writeHead(status, { 'x-clickhouse-exception-code': code }).end(message);
}

async function answer(session: Session, turn: Turn, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const sent = Buffer.concat(chunks);
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
    const result = await turn(() => answerTo(session, new URL(request.url ?? '/', 'http://localhost'), body));
    response.writeHead(200, { 'content-type': 'text/plain' }).end(result);
  } catch (error) {
    fail(response, 500, error instanceof Error ? error.message : String(error));
  }
}

async function answerTo(session: Session, url: URL, body: Buffer): Promise<Uint8Array> {
  const params: Record<string, string> = {};
  const settings: Record<string, string> = {};
  for (const [name, value] of url.searchParams) {
    if (name.startsWith('param_')) params[name.slice(6)] = value;
    else if (!NOT_SETTINGS.has(name) && !HTTP_LAYER.test(name)) settings[name] = value;
  }
  await session.queryAsync(`USE \`${url.searchParams.get('database') ?? 'default'}\``);
  const inUrl = url.searchParams.get('query');
  const insert = /^INSERT INTO (\w+) \(([^)]*)\) FORMAT JSONCompactEachRow$/.exec(inUrl ?? '');
  if (insert !== null) {
    const columns = (insert[2] as string).split(', ').map((name) => name.slice(1, -1));
    await session.insert({ table: insert[1] as string, columns, values: body, format: 'JSONCompactEachRow', settings });
    return new Uint8Array();
  }
  const names = Object.keys(settings);
  const sets = names.map((name) => `SET ${name} = '${settings[name]}'; `);
  const sql = sets.join('') + (inUrl ?? body.toString());
  // The client sends values escaped as in TSV; this library escapes them itself.
  const bound = Object.fromEntries(Object.entries(params).map(([name, value]) => [name, unescaped(value)]));
  try {
    const none = Object.keys(bound).length === 0;
    return (await (none ? session.queryAsync(sql) : session.queryBindAsync(sql, bound))).bytes();
  } finally {
    // A setting of the URL is one request's.
    for (const name of names) await session.queryAsync(`SET ${name} = DEFAULT`);
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', '0': '\0' };

function unescaped(value: string): string {
  return value.replace(/\\(.)/g, (_, character: string) => ESCAPES[character] ?? character);
}
